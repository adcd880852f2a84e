"""A stand-in for HCP Terraform: the runs API in its JSON:API shapes, over a real terraform."""

from sandbox.hcp.model import Costs, Fetched, HcpToken, Policies, Task
from sandbox.hcp.notifications import NotificationSettings
from sandbox.hcp.stand_in import HcpStandIn

__all__ = ["Costs", "Fetched", "HcpStandIn", "HcpToken", "NotificationSettings", "Policies", "Task"]
