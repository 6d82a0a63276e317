"""A hub on this machine: serves a folder as a model, by as much of the Hugging Face hub's API as huggingface_hub and
Quarry ask for. Large files lie in a storage of their own, at another address.

    with hub_server.Hub("acme/minilm", folder) as hub:
        environment = hub.environment(home)        # HF_ENDPOINT, HF_HOME, …
        ...
        hub.asked                                  # "GET /acme/minilm/resolve/…", in order
"""

import hashlib
import http.server
import json
import os
import threading
import urllib.parse

COMMIT = "0123456789abcdef0123456789abcdef01234567"
LARGE = 1 << 20  # bytes from which on a file is kept by LFS


class File:
    def __init__(self, path):
        self.content = path.read_bytes()
        self.lfs = len(self.content) >= LARGE
        self.oid = hashlib.sha1(b"blob %d\0" % len(self.content) + self.content).hexdigest()
        self.sha256 = hashlib.sha256(self.content).hexdigest()
        self.etag = self.sha256 if self.lfs else self.oid


class Hub:
    def __init__(self, name, folder):
        self.name, self.asked = name, []
        self.files = {str(p.relative_to(folder)): File(p) for p in sorted(folder.rglob("*")) if p.is_file()}
        self.servers = [serve(lambda handler: hub(self, handler)), serve(lambda handler: storage(self, handler))]
        self.address, self.storage = (f"http://127.0.0.1:{s.server_address[1]}" for s in self.servers)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for server in self.servers:
            server.shutdown()
            server.server_close()

    def environment(self, home, **more):
        """The environment of a program that asks this hub and no other."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "HUGGING", "TRANSFORMERS_OFFLINE"))}
        return kept | {"HF_ENDPOINT": self.address, "HF_HOME": str(home), "HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_TELEMETRY": "1",
                       "NO_PROXY": "*"} | more


def serve(answer):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            answer(self)

        do_HEAD = do_GET

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def hub(self, handler):
    path = urllib.parse.unquote(urllib.parse.urlsplit(handler.path).path)
    self.asked.append(f"{handler.command} {path}")
    model = f"/api/models/{self.name}"
    if path in (model, f"{model}/revision/main", f"{model}/revision/{COMMIT}"):
        return reply(handler, {"id": self.name, "sha": COMMIT, "siblings": [sibling(n, f) for n, f in self.files.items()]})
    if path in (f"{model}/tree/main", f"{model}/tree/{COMMIT}"):
        return reply(handler, [entry(n, f) for n, f in self.files.items()])
    for revision in ["main", COMMIT]:
        found = self.files.get(path.removeprefix(f"/{self.name}/resolve/{revision}/"))
        if not found:
            continue
        headers = {"X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"}
        if not found.lfs:
            return content(handler, found, headers)
        headers |= {"X-Linked-Etag": f'"{found.sha256}"', "X-Linked-Size": str(len(found.content)), "Location": f"{self.storage}/{found.sha256}", "Content-Length": "0"}
        return send(handler, 302, headers, b"")
    send(handler, 404, {"X-Error-Code": "EntryNotFound", "X-Error-Message": "Entry not found", "Content-Length": "0"}, b"")


def storage(self, handler):
    found = next(f for f in self.files.values() if f.sha256 == handler.path.strip("/"))
    self.asked.append(f"{handler.command} storage {handler.headers.get('Range', '')}".strip())
    assert not handler.headers.get("Authorization"), "a token was sent to the storage"
    content(handler, found, {"Accept-Ranges": "bytes"})


def content(handler, file, headers):
    first, asked = 0, handler.headers.get("Range", "")
    if asked:
        first = int(asked.removeprefix("bytes=").split("-")[0])
        headers = headers | {"Content-Range": f"bytes {first}-{len(file.content) - 1}/{len(file.content)}"}
    body = file.content[first:]
    send(handler, 206 if asked else 200, headers | {"ETag": f'"{file.etag}"', "Content-Length": str(len(body))}, body)


def reply(handler, value):
    body = json.dumps(value).encode()
    send(handler, 200, {"Content-Type": "application/json", "Content-Length": str(len(body))}, body)


def send(handler, status, headers, body):
    handler.send_response(status)
    for key, value in headers.items():
        handler.send_header(key, value)
    handler.end_headers()
    if handler.command != "HEAD":
        handler.wfile.write(body)


def sibling(name, file):
    found = {"rfilename": name, "size": len(file.content), "blobId": file.oid}
    return found | ({"lfs": {"sha256": file.sha256, "size": len(file.content), "pointerSize": 134}} if file.lfs else {})


def entry(name, file):
    found = {"type": "file", "path": name, "size": len(file.content), "oid": file.oid}
    return found | ({"lfs": {"oid": file.sha256, "size": len(file.content), "pointerSize": 134}} if file.lfs else {})
