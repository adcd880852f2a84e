"""The child process: `python -m sandbox.aws_server REGION` serves moto on a free port until its standard input ends.

It prints one line of JSON when it is ready, `{"port": N}`, and one for each line that it reads:
`{"instance": ID, "seconds": S}` makes an instance S seconds older.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from moto.ec2.models import EC2Backend, ec2_backends
from moto.ec2.models.amis import Ami
from moto.moto_server.threaded_moto_server import ThreadedMotoServer

from sandbox import fleet
from sandbox.aws_seed import machines

ACCOUNT = "123456789012"  # moto's
UBUNTU = "099720109477"


def main() -> None:
    """Serve until standard input ends."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    region = sys.argv[1]
    backend: EC2Backend = ec2_backends[ACCOUNT][region]
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    now = time.time()
    _seed_images(backend, region, now)
    for instance_id, age in machines(f"http://127.0.0.1:{port}", region, now).items():
        _backdate(backend, instance_id, age)
    print(json.dumps({"port": port}), flush=True)
    for line in sys.stdin:
        print(json.dumps(_backdate_on_request(backend, json.loads(line))), flush=True)
    # Requests may be in progress in other threads, but their clients have ended.
    os._exit(0)


def _backdate_on_request(backend: EC2Backend, request: dict[str, Any]) -> dict[str, str]:
    try:
        _backdate(backend, request["instance"], request["seconds"])
    except Exception as error:  # noqa: BLE001 -- any error is reported to the parent
        return {"error": f"{type(error).__name__}: {error}"}
    return {}


def _backdate(backend: EC2Backend, instance_id: str, seconds: float) -> None:
    instance = backend.get_instance(instance_id)
    instance.launch_time -= timedelta(seconds=seconds)


def _seed_images(backend: EC2Backend, region: str, now: float) -> None:
    """Add the images to moto's state directly: its API does not let us choose an id or a date."""
    _add(backend, region, fleet.BASE_IMAGE, now - 200 * 86_400, name="ubuntu-noble-24.04-amd64", owner=UBUNTU, tags={})
    for image in fleet.images():
        made = image.made_at(now)
        tags = {"Name": image.hostname, "built_by": "packer", "environment": image.environment}
        _add(backend, region, image.image_id, made, name=f"{image.hostname}-{int(made)}", owner=ACCOUNT, tags=tags)


def _add(
    backend: EC2Backend, region: str, image_id: str, made: float, *, name: str, owner: str, tags: dict[str, str]
) -> None:
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


def _utc(at: float) -> datetime:
    # moto stores naive times, and writes them as UTC.
    return datetime.fromtimestamp(at, UTC).replace(tzinfo=None)


if __name__ == "__main__":
    main()
