"""Programs that take text, each with a way to read exactly what it took."""

import json
import os
import re
import xml.etree.ElementTree

from harness import REPO, wait_for

INSIDE = os.path.join(REPO, "tests", "e2e", "inside")


class App:
    """One program in a session of its own. `test` is a Desk (desk.py)."""
    name = ""
    tabs = True # takes a tab as a character
    lines = True # takes more than one line
    longest = 10000
    rest = 120 # milliseconds in which nothing moves once it has started
    process, filesystem = {}, {}
    command = ""

    def __init__(self, test, layout="us"):
        self.test, self.layout, self.session = test, layout, "s"

    def policy(self):
        return self.test.policy(
            display={} if self.layout == "us" else {"keyboardLayout": self.layout}, process=self.process,
            filesystem={"readonlyPaths": [INSIDE, *self.filesystem.get("readonlyPaths", [])]},
            limits={"processes": 2048, "openFiles": 8192, "tmp": "1G"})

    def start(self):
        """Returns when the program has a window that takes text."""
        self.test.detach("sh", "-c", f"{self.command}\nexec sleep 600", name=self.session, policy=self.policy())
        self.ready()

    def ready(self):
        self.test.wait_window(self.session, 90)
        self.test.stable(self.session, self.rest)

    def finish(self):
        """What a person does to keep the text."""

    def read(self):
        """What the program took, or None as long as it keeps nothing."""
        raise NotImplementedError

    def text(self, expected, seconds=60):
        """Finishes and returns what was taken; waits for `expected`, as programs take their time."""
        self.finish()
        found = [None]

        def look():
            found[0] = self.read()
            return found[0] == expected
        try:
            wait_for(look, seconds, self.name)
        except AssertionError:
            assert found[0] is not None, f"{self.name} kept no text"
        return found[0]

    def file(self, path):
        done = self.test.cli("exec", self.session, "--", "cat", path, check=False)
        return done.stdout if done.returncode == 0 else None


class Foot(App):
    name = "foot"
    command = "foot -e sh -c 'cat >/tmp/typed && mv /tmp/typed /tmp/whole'"

    def finish(self):
        self.test.key(self.session, "ctrl+d")

    def read(self):
        return self.file("/tmp/whole")


class ZenityEntry(App):
    """GTK 4, one line. Its standard output is what it took."""
    name = "zenity --entry"
    tabs = lines = False
    longest = 1000
    command = "zenity --entry --text Text >/tmp/typed && mv /tmp/typed /tmp/whole"

    def finish(self):
        self.test.key(self.session, "Return")

    def read(self):
        whole = self.file("/tmp/whole")
        return whole[:-1] if whole else None


class ZenityText(App):
    """GTK 4, many lines."""
    name = "zenity --text-info"
    command = "zenity --text-info --editable >/tmp/typed && mv /tmp/typed /tmp/whole"

    def ready(self):
        super().ready()
        # The text has the focus only after a click into it.
        window = self.test.wait_window(self.session)[0]
        self.test.click(self.session, window["x"] + window["width"] // 2, window["y"] + window["height"] // 2)

    def finish(self):
        # Out of the text and to the buttons: the text itself takes Tab.
        self.test.key(self.session, "ctrl+Tab")
        self.test.key(self.session, "Tab")
        self.test.key(self.session, "Return")

    def read(self):
        return self.file("/tmp/whole")


class Mousepad(App):
    """GTK 3."""
    name = "mousepad"
    command = "mousepad /tmp/typed.txt"

    def finish(self):
        self.test.key(self.session, "ctrl+s")

    def read(self):
        return self.file("/tmp/typed.txt")


class Featherpad(App):
    """Qt 6."""
    name = "featherpad"
    command = ("mkdir -p ~/.config/featherpad; : >/tmp/typed.txt\n"
               "printf '[text]\\nnoIndent=true\\nautoReplace=false\\nappendEmptyLine=false\\n' >~/.config/featherpad/fp.conf\n"
               "featherpad /tmp/typed.txt")

    def finish(self):
        self.test.key(self.session, "ctrl+s")

    def read(self):
        return self.file("/tmp/typed.txt")


class Calc(App):
    """LibreOffice: a cell a line. A flat document is XML, so that it can be read without doubt."""
    name = "libreoffice calc"
    longest = 1000
    tabs = False # right after another it is lost: a sheet moves its cursor only later
    rest = 1500 # between two parts of its start it may pause and take nothing
    filesystem = {"readonlyPaths": ["/etc/libreoffice"]}
    command = (f"mkdir -p ~/lo/user && cp {INSIDE}/libreoffice.xcu ~/lo/user/registrymodifications.xcu\n"
               f"cp {INSIDE}/empty.fods /tmp/typed.fods\n"
               "SAL_USE_VCLPLUGIN=gtk3 soffice -env:UserInstallation=file://$HOME/lo --calc --norestore --nologo "
               "--nofirststartwizard /tmp/typed.fods")

    def finish(self):
        self.test.key(self.session, "ctrl+s")

    def read(self):
        document = self.file("/tmp/typed.fods")
        try:
            root = xml.etree.ElementTree.fromstring(document)
        except xml.etree.ElementTree.ParseError: # while it is written
            return None
        table = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
        rows = []
        for row in root.iter(table + "table-row"):
            cells = []
            for cell in row.iter(table + "table-cell"):
                count = int(cell.get(table + "number-columns-repeated", 1))
                cells += [self.cell(cell)] * min(count, 20)
            line = "\t".join(cells).rstrip("\t")
            rows += [line] * min(int(row.get(table + "number-rows-repeated", 1)), 20)
        return "".join(line + "\n" for line in rows).rstrip("\n") + "\n"

    def cell(self, element):
        """The text of a cell; several spaces in a row and tabs are elements of their own."""
        text = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
        found = element.text if element.tag != "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}table-cell" else ""
        found = found or ""
        for child in element:
            if child.tag == text + "s":
                found += " " * int(child.get(text + "c", 1))
            else:
                found += self.cell(child)
            if element.tag == text + "p" or element.tag == text + "span":
                found += child.tail or ""
        return found


class Browser(App):
    """A page that records every event of its document."""
    tabs = False # Tab moves the focus
    program = ""

    @property
    def command(self):
        return f"python3 {INSIDE}/server.py 8000 /tmp/report.json &\n{self.program} http://127.0.0.1:8000/page"

    process = {"nestedSandbox": True}

    def ready(self):
        wait_for(lambda: any(re.match("ready", w["title"]) for w in self.test.inspect(self.session)["windows"]), 90,
                 f"{self.name} has loaded the page")
        self.test.stable(self.session)

    def events(self, *kinds):
        """What the page saw so far, in order; only of `kinds`, if any are named."""
        report = self.file("/tmp/report.json")
        return [e for e in json.loads(report or "[]") if not kinds or e["event"] in kinds]

    def wait_event(self, check, what, seconds=30):
        """The first event for which `check` is true."""
        return wait_for(lambda: next((e for e in self.events() if check(e)), None), seconds, what)

    def read(self):
        values = self.events("value")
        return values[-1]["value"] if values else None


class Chromium(Browser):
    name = "chromium"
    program = ("chromium --ozone-platform=wayland --no-first-run --disable-gpu --password-store=basic "
               "--user-data-dir=$HOME/profile")


class Firefox(Browser):
    name = "firefox"

    @property
    def program(self):
        return (f"mkdir -p $HOME/profile && cp {INSIDE}/firefox.js $HOME/profile/user.js; "
                "MOZ_ENABLE_WAYLAND=1 firefox-esr --no-remote --profile $HOME/profile")


EVERY = (Foot, ZenityEntry, ZenityText, Mousepad, Featherpad, Calc, Chromium, Firefox)
