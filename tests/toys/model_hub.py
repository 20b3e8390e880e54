"""A stand-in for the Hugging Face hub: the requests of an upload, on the loopback interface."""

import base64
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

LARGE = (".pt", ".safetensors", ".onnx", ".pt2")  # as in a repository's .gitattributes


@dataclass(slots=True)
class ModelHub:
    """What the hub has, and how it answers.

    Attributes:
        url: Its address.
        token: The only token that it accepts.
        refusal: Status of every answer to a request for a new repository; 0 for success.
        full: Whether it refuses large files.
        repositories: Visibility by ``owner/name``.
        files: Content of each file by ``owner/name/path``.
        commits: Messages of the commits.
        requests: Method and path of every request.
    """

    url: str = ""
    token: str = "hf_secret"
    refusal: int = 0
    full: bool = False
    repositories: dict[str, str] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    commits: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    large: dict[str, bytes] = field(default_factory=dict)

    def answer(self, path: str, body: bytes, authorization: str | None) -> tuple[int, Any]:
        """Return the status and the JSON of the answer to a request."""
        if authorization != f"Bearer {self.token}" and not path.startswith("/lfs/"):
            return 401, {"error": "Invalid credentials in Authorization header"}
        if path == "/api/repos/create":
            return self._create(json.loads(body))
        if path == "/api/validate-yaml":
            return 200, {"errors": [], "warnings": []}
        if path.startswith("/lfs/") and self.full:
            return 403, {"error": "Storage limit reached"}
        if path.startswith("/lfs/"):
            self.large[hashlib.sha256(body).hexdigest()] = body
            return 200, {}
        if path.endswith("/info/lfs/objects/batch"):
            return 200, self._batch(json.loads(body))
        _, _, _, owner, name, action, *_ = (*path.split("/"), "")
        if f"{owner}/{name}" not in self.repositories:
            return 404, {"error": "Repository not found"}
        if action == "preupload":
            files = [one["path"] for one in json.loads(body)["files"]]
            return 200, {"files": [_mode(file) for file in files]}
        if action == "commit":
            return 200, self._commit(f"{owner}/{name}", body)
        return 404, {"error": "Not found"}

    def _create(self, wanted: dict[str, Any]) -> tuple[int, Any]:
        if self.refusal:
            return self.refusal, {"error": "You don't have the rights to create a model"}
        name = f"{wanted['organization']}/{wanted['name']}"
        if name in self.repositories:
            return 409, {"error": "You already created this model repo", "url": f"/{name}"}
        self.repositories[name] = wanted["visibility"]
        return 200, {"url": f"{self.url}/{name}", "name": name, "id": "1"}

    def _batch(self, wanted: dict[str, Any]) -> dict[str, Any]:
        objects = [
            {**one, "actions": {"upload": {"href": f"{self.url}/lfs/{one['oid']}"}}}
            for one in wanted["objects"]
        ]
        return {"transfer": "basic", "objects": objects}

    def _commit(self, repository: str, body: bytes) -> dict[str, Any]:
        for line in body.splitlines():
            entry = json.loads(line)
            value = entry["value"]
            if entry["key"] == "header":
                self.commits.append(value["summary"])
            elif entry["key"] == "file":
                content = base64.b64decode(value["content"])
                self.files[f"{repository}/{value['path']}"] = content
            else:
                self.files[f"{repository}/{value['path']}"] = self.large[value["oid"]]
        return {"commitUrl": f"{self.url}/{repository}/commit/{'a' * 40}", "commitOid": "a" * 40}


def _mode(file: str) -> dict[str, Any]:
    mode = "lfs" if file.endswith(LARGE) else "regular"
    return {"path": file, "uploadMode": mode, "shouldIgnore": False}


@contextmanager
def model_hub() -> Iterator[ModelHub]:
    """Serve a hub on a free port of 127.0.0.1."""
    served = ModelHub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self._answer()

        def do_GET(self) -> None:
            self._answer()

        def do_PUT(self) -> None:
            self._answer()

        def _answer(self) -> None:
            body = self._body()
            served.requests.append(f"{self.command} {self.path}")
            status, content = served.answer(self.path, body, self.headers.get("Authorization"))
            data = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding") != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length", 0)))
            chunks = []
            while size := int(self.rfile.readline(), 16):
                chunks.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(chunks)

        def log_message(self, *values: Any) -> None:
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        served.url = f"http://127.0.0.1:{server.server_port}"
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield served
        server.shutdown()
        thread.join()
