"""An OpenID provider on this machine, for one test: it approves whoever it is told to be."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlencode

import uvicorn
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from tests.support.waiting import eventually_now

CLIENT = "qingsheng"
AUDIENCE = "qingsheng-api"


class Provider:
    """``claims``: who signs in next. ``token``: an access token for them."""

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer
        self.key = RSAKey.generate_key(2048, {"kid": "one", "alg": "RS256", "use": "sig"})
        self.claims: dict[str, Any] = {}
        self.asked = 0
        self._nonces: dict[str, str] = {}

    def token(self, *, key: RSAKey | None = None, **more: Any) -> str:
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": AUDIENCE, "iat": now, "exp": now + 300} | self.claims | more
        return jwt.encode({"alg": "RS256", "kid": (key or self.key).kid or "one"}, claims, key or self.key)

    def app(self) -> Starlette:
        async def configuration(_: Request) -> Response:
            names = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
            found: dict[str, Any] = {name: f"{self.issuer}/{path}" for name, path in names.items()}
            return JSONResponse(found | {"issuer": self.issuer, "id_token_signing_alg_values_supported": ["RS256"]})

        async def authorize(request: Request) -> Response:
            told = request.query_params
            self._nonces["code-1"] = told["nonce"]
            back = urlencode({"code": "code-1", "state": told["state"]})
            return RedirectResponse(f"{told['redirect_uri']}?{back}")

        async def token(request: Request) -> Response:
            told = parse_qs((await request.body()).decode())
            assert told["code_verifier"]
            nonce = self._nonces.pop(told["code"][0], None)
            if nonce is None:
                return JSONResponse({"error": "invalid_grant"}, 400)
            answer = {"access_token": "opaque", "token_type": "Bearer", "id_token": self.token(nonce=nonce, aud=CLIENT)}
            return JSONResponse(answer)

        async def keys(_: Request) -> Response:
            self.asked += 1
            return JSONResponse({"keys": [self.key.as_dict(private=False)]})

        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", configuration),
                Route("/authorize", authorize),
                Route("/token", token, methods=["POST"]),
                Route("/keys", keys),
            ]
        )


@contextmanager
def provider() -> Iterator[Provider]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        made = Provider(f"http://127.0.0.1:{listener.getsockname()[1]}")
        server = uvicorn.Server(uvicorn.Config(made.app(), log_config=None))
        running = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        running.start()
        try:
            eventually_now(lambda: server.started, 30)
            yield made
        finally:
            server.should_exit = True
            running.join(30)
