from smppgw.core.plugin import Mt


class Weather:
    name = "weather"
    migrations = ("CREATE TABLE weather_asked (city TEXT PRIMARY KEY, times INTEGER NOT NULL)",)

    def __init__(self, host):
        self.host = host

    def take(self, mo):
        word, _, city = mo.text.strip().lower().partition(" ")
        if word != "weather" or not city:
            return False  # the next feature sees it, then the owner of the number
        rows = self.host.query("SELECT times FROM weather_asked WHERE city = ?", (city,))
        times = rows[0][0] + 1 if rows else 1
        self.host.change("INSERT OR REPLACE INTO weather_asked VALUES (?, ?)", (city, times))
        text = f"{city}: sunny, 21 degrees. Asked {times} times."
        self.host.send(Mt(source=mo.number.address, destination=mo.source, text=text))
        return True

    def ended(self, message, state, error):
        """What became of a text of ours."""

    def commands(self):
        return []  # what operators can ask it

    def start(self): ...

    def stop(self): ...
