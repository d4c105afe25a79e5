"""The configuration of `smppgw demo`, `conf/demo.toml`, as an installed package has it.

Owns: the text. Refuses to know: what runs with it.
"""

DEMO = """\
# What `smppgw demo` runs: one account, one simulated carrier and three short codes, all of it on
# this machine only. No password stands here: the demo makes two up at each start and passes them in
# as DEMO_PASSWORD and DEMO_OPERATOR_PASSWORD. conf/smppgw.toml explains every key.

[gateway]
data_dir = "var/demo"

[smpp]
listen = ["tcp:2775:interface=127.0.0.1"]

[shell]
listen = ["tcp:8990:interface=127.0.0.1"]

[web]
listen = ["tcp:8080:interface=127.0.0.1"]

[[operators]]
name = "demo"
password = "${DEMO_OPERATOR_PASSWORD}"
role = "admin"

# Bind as this one: transceiver, port 2775.
[[accounts]]
system_id = "demo"
password = "${DEMO_PASSWORD}"
allow_from = ["127.0.0.0/8"]

# The simulated carrier; the demo starts it too.
[[carriers]]
name = "demo"
host = "127.0.0.1"
port = 2790
system_id = "smppgw"
password = "${DEMO_PASSWORD}"
reconnect = "0.2s"

[[routes]]
prefix = ""
carriers = ["demo"]

[[numbers]]
address = "38100"
carrier = "demo"
profile = "campaign"
account = "demo"

[[numbers]]
address = "38200"
carrier = "demo"
profile = "microblog"
account = "demo"

[[numbers]]
address = "38300"
carrier = "demo"
profile = "forward"
account = "demo"
"""
