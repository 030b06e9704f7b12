#!/usr/bin/env python3
"""Runs inside a session: serves the pages beside it on the loopback device, and keeps what the page reports.

server.py PORT REPORT: REPORT is a JSON array of the events in the order in which the page saw them.
"""

import http.server
import json
import os
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
events, lock = [], threading.Lock()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, body, kind="application/json"):
        self.send_response(200)
        self.send_header("Content-Type", kind + "; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        name = self.path[1:].split("?")[0]
        if name not in ("page", "clipboard"):
            self.send_error(404)
            return
        with open(os.path.join(HERE, name + ".html"), "rb") as file:
            self.answer(file.read(), "text/html")

    def do_POST(self):
        report = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with lock:
            # A page that was not answered sends the same again.
            events.extend(report["events"][max(0, len(events) - report["first"]):])
            with open(sys.argv[2] + ".new", "w", encoding="utf-8") as file:
                json.dump(events, file)
            os.rename(sys.argv[2] + ".new", sys.argv[2])
        self.answer(b"{}")

    def log_message(self, *args):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
