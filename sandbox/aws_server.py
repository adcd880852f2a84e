"""The child process: `python -m sandbox.aws_server REGION` serves moto, and AwsServices beside it, on a free port until its standard input ends.

It prints one line of JSON when it is ready, `{"port": N}`, and one for each line that it reads:
`{"instance": ID, "seconds": S}` makes an instance S seconds older, `{"environment": E, "machine": M, "age": S}` adds an
image of Packer that is S seconds old, and the answer has its id.
"""

from __future__ import annotations

import io
import json
import logging
import os
import secrets
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from moto.ec2.models import EC2Backend, ec2_backends
from moto.ec2.models.amis import Ami
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from sandbox import aws_image_users, fleet
from sandbox.aws_seed import machines
from sandbox.aws_services import AwsServices

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

ACCOUNT = "123456789012"  # moto's
UBUNTU = "099720109477"


def main(region: str, made: tuple[AwsServices, WSGIApplication] | None = None) -> None:
    """Serve until standard input ends; `made` is what `application` has given, where it is there already."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    backend: EC2Backend = ec2_backends[ACCOUNT][region]
    services, answering = made or application()
    server = make_server("127.0.0.1", 0, answering, threaded=True, request_handler=MotoRequestHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    port, now = server.port, time.time()
    url = f"http://127.0.0.1:{port}"
    _seed_images(backend, region, now)
    for instance_id, age in machines(url, region, now).items():
        _backdate(backend, instance_id, age)
    add = partial(_add, backend, region, owner=ACCOUNT)
    aws_image_users.seed(services, add, url, region, now)
    print(json.dumps({"port": port}), flush=True)
    for line in sys.stdin:
        print(json.dumps(_answer(backend, region, json.loads(line))), flush=True)
    # Requests may be in progress in other threads, but their clients have ended.
    os._exit(0)


def application() -> tuple[AwsServices, WSGIApplication]:
    """The services that moto does not have, and all of AWS: these, else moto."""
    services, moto = AwsServices(), DomainDispatcherApplication(create_backend_app)

    def answering(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = Request(environ)
        body = request.get_data()
        reply = services.reply(request.method, request.url, dict(request.headers), body)
        if reply is None:
            environ["wsgi.input"] = io.BytesIO(body)  # it has been read
            return moto(environ, start_response)  # type: ignore[no-any-return]
        status, headers, written = reply
        return Response(written, status, headers)(environ, start_response)

    return services, answering


def _answer(backend: EC2Backend, region: str, request: dict[str, Any]) -> dict[str, str]:
    try:
        if "instance" in request:
            _backdate(backend, request["instance"], request["seconds"])
            return {}
        image = fleet.Image(request["environment"], request["machine"], 0)
        image_id = f"ami-0{secrets.token_hex(8)}"
        _add_built(backend, region, image, image_id, time.time() - request["age"])
    except Exception as error:  # noqa: BLE001 -- any error is reported to the parent
        return {"error": f"{type(error).__name__}: {error}"}
    return {"image": image_id}


def _backdate(backend: EC2Backend, instance_id: str, seconds: float) -> None:
    instance = backend.get_instance(instance_id)
    instance.launch_time -= timedelta(seconds=seconds)


def _seed_images(backend: EC2Backend, region: str, now: float) -> None:
    """Add the images to moto's state directly: its API does not let us choose an id or a date."""
    _add(backend, region, fleet.BASE_IMAGE, now - 200 * 86_400, name="ubuntu-noble-24.04-amd64", owner=UBUNTU, tags={})
    for image in fleet.images():
        _add_built(backend, region, image, image.image_id, image.made_at(now))


def _add_built(backend: EC2Backend, region: str, image: fleet.Image, image_id: str, made: float) -> None:
    tags = {"Name": image.hostname, "built_by": "packer", "environment": image.environment}
    _add(backend, region, image_id, made, name=f"{image.hostname}-{int(made)}", owner=ACCOUNT, tags=tags)


def _add(
    backend: EC2Backend, region: str, image_id: str, made: float, *, name: str, owner: str, tags: dict[str, str]
) -> Ami:
    image = Ami(
        backend,
        image_id,
        name=name,
        owner_id=owner,
        architecture="x86_64",
        virtualization_type="hvm",
        hypervisor="xen",
        root_device_type="ebs",
        creation_date=_utc(made),
        region_name=f"{region}a",
    )
    image.ebs_snapshot.start_time = _utc(made)
    backend.amis[image_id] = image
    if tags:
        image.add_tags(tags)
    return image


def _utc(at: float) -> datetime:
    # moto stores naive times, and writes them as UTC.
    return datetime.fromtimestamp(at, UTC).replace(tzinfo=None)


if __name__ == "__main__":
    main(sys.argv[1])
