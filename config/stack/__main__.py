"""Run Tenure on this machine: `python -m config.stack up|demo|test|lint|types|shell|stop`."""

import argparse
import sys
from pathlib import Path

from config.stack import backup, checks
from config.stack.browser import obtain_browser
from config.stack.errors import StackError
from config.stack.portal import Portal, stop_running


def arguments(words: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m config.stack", description="Run Tenure on this machine.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("up", help="an empty portal, until Ctrl-C")
    commands.add_parser("demo", help="a portal that walks the demo lifecycle, until Ctrl-C")
    commands.add_parser("stop", help="stop a portal that runs elsewhere, or what a killed one left")
    commands.add_parser("lint", help="style, templates and the line of apps")
    commands.add_parser("types", help="mypy")
    # Pytest's options are its own: no word of these begins an option of ours.
    tests = commands.add_parser("test", help="every check, then pytest with the arguments given", prefix_chars="+")
    tests.add_argument("words", nargs=argparse.REMAINDER)
    shell = commands.add_parser("shell", help="a command with a database and a broker of its own")
    shell.add_argument("--keep", action="store_true", help="leave the servers running")
    shell.add_argument("--connections", default="100", help="how many connections the database takes")
    shell.add_argument("words", nargs=argparse.REMAINDER)
    commands.add_parser("browser", help="find or fetch the browser of the tests and print its path")
    commands.add_parser("backup", help="write an archive").add_argument("path", type=Path)
    commands.add_parser("restore", help="read an archive into an empty portal").add_argument("path", type=Path)
    offline = commands.add_parser("offline", help="a command with the settings' variables, but without servers")
    offline.add_argument("words", nargs=argparse.REMAINDER)
    return parser.parse_args(words)


def main(words: list[str]) -> int:
    """Run the command; its exit status."""
    given = arguments(words)
    match given.command:
        case "up" | "demo":
            return Portal(demo=given.command == "demo").run()
        case "stop":
            return stop_running()
        case "lint":
            return checks.offline(checks.LINT)
        case "types":
            return checks.offline(checks.TYPES)
        case "browser":
            print(obtain_browser())
            return 0
        case "backup" | "restore":
            return getattr(backup, given.command)(given.path)
        case "offline":
            return checks.offline({"shell": given.words})
        case "test":
            return checks.test(given.words)
    return checks.with_servers({"shell": given.words or ["sh"]}, keep=given.keep, connections=given.connections)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except StackError as error:
        sys.exit(f"tenure: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
