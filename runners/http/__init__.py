"""The HTTP core that GitHub's and HCP Terraform's clients share: errors by status, retries of reads, connections."""

from runners.http.connections import Connections
from runners.http.remote_api import Refusal, RemoteApi, repeat_read

__all__ = ["Connections", "Refusal", "RemoteApi", "repeat_read"]
