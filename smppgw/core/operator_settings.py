"""What can be set of an operator: who may use the shell, and what he may and sees there.

Owns: the typed settings of an operator.
Refuses to know: what is done with them, logins, files.
"""

from __future__ import annotations

from attrs import frozen

from smppgw.core.account_settings import Network
from smppgw.core.setting import setting


@frozen(kw_only=True)
class OperatorSettings:
    """`[[operators]]`: who may use the operators' shell."""

    name: str = setting(help="login name, at most 32 letters, digits, dots, dashes and underscores")
    password_hash: str = setting(
        "", secret=True, help="instead of password; `smppgw password` makes one"
    )
    password: str = setting(
        "", secret=True, help="instead of password_hash; in clear it is accepted with a warning"
    )
    role: str = setting(
        "view",
        choices=("view", "operate", "config", "admin"),
        help="look; act on traffic, too; change accounts, carriers, routes and numbers; anything",
    )
    accounts: tuple[str, ...] = setting(
        tuple,
        help="system_ids of the accounts that the operator sees and acts on, with the role view or "
        "operate; empty = everything",
    )
    enabled: bool = setting(True, help="false refuses logins and ends what a session may do")
    allow_from: tuple[Network, ...] = setting(
        tuple, help="networks or addresses the operator may log in from; empty = loopback only"
    )
    ssh_keys: tuple[str, ...] = setting(
        tuple,
        help="public keys for SSH, as the lines of an authorized_keys file without options; with "
        "one, a password is not needed",
    )
