"""The whole of signalbox.yaml."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, TypeVar

from pydantic import Field, PrivateAttr

from bot.config.models import Model
from bot.config.models.access import Access
from bot.config.models.approval import SHARED_APPROVAL, Approval
from bot.config.models.audit import Audit
from bot.config.models.deploy import Ansible, DeploySettings
from bot.config.models.environment import Environment
from bot.config.models.general import Aws, GitHub, Operations, Slack, TerraformProgram
from bot.config.models.images import Images
from bot.config.models.secrets import Secrets
from bot.config.models.watch import Watch
from bot.config.values import PART, NameWithPart
from runners.results import AwsPlace, HostSettings, ImageGroup, SessionManager, WantedHosts

if TYPE_CHECKING:
    from bot.config.models.custom import CustomOperation

Section = TypeVar("Section", bound=DeploySettings)


class Config(Model):
    """The whole of signalbox.yaml. `environments` has the parts of environments too, each after its environment."""

    slack: Slack
    github: GitHub
    aws: Aws | None = None
    access: Access
    environments: Annotated[Mapping[NameWithPart, Environment], Field(min_length=1)]
    images: Images | None = None
    watch: Watch | None = None
    secrets: Secrets = Secrets()
    terraform: TerraformProgram = TerraformProgram()
    operations: Operations = Operations()
    audit: Audit = Audit()
    _digest: str = PrivateAttr("")

    @property
    def digest(self) -> str:
        """SHA-256 of the text that it was read from."""
        return self._digest

    def read_from(self, text: str) -> None:
        """Note the text that it was read from."""
        self._digest = hashlib.sha256(text.encode()).hexdigest()

    @property
    def whole_environments(self) -> dict[str, Environment]:
        """The environments without their parts, by name."""
        return {name: environment for name, environment in self.environments.items() if not environment.part}

    def find(self, name: str) -> Environment | None:
        """The environment or part that people mean by this name: also by an alias, or in other capitals."""
        whole, _, part = name.partition(PART)
        if whole not in self.whole_environments:
            wanted = whole.casefold()
            named = [
                each.name
                for each in self.whole_environments.values()
                if wanted in {each.name.casefold(), *map(str.casefold, each.aliases)}
            ]
            whole = named[0] if named else whole
        return self.environments.get(f"{whole}{PART}{part}" if part else whole)

    def planned(self, name: str) -> tuple[Environment, ...]:
        """What has Terraform in the environment: its stacks in the configured order, or itself; may be empty."""
        return tuple(each for each in self.environments.values() if each.whole == name and each.terraform)

    def deployed(self, name: str) -> tuple[Environment, ...]:
        """What can be deployed in the environment: its services in the configured order, or itself; may be empty."""
        return tuple(each for each in self.environments.values() if each.whole == name and each.deploy)

    def repository_of(self, environment: Environment) -> str:
        """The repository (owner/name) of an environment's code."""
        return environment.repository or self.github.repository

    @property
    def repositories(self) -> tuple[str, ...]:
        """All repositories of code, the one of `github` first."""
        own = (each.repository for each in self.environments.values() if each.repository)
        return tuple(dict.fromkeys((self.github.repository, *own)))

    def image_group(self, machine: str, environment: str) -> ImageGroup:
        """The machine's images in an environment, with the value of their tag `Name`, "" where no tag identifies them."""
        tags = (self.images or Images(workflow="none.yml")).ami_name_tag
        if tags is False:
            return ImageGroup(environment, machine, "")
        template = tags.get(machine, tags.get("*", "{machine}-{environment}"))
        return ImageGroup(environment, machine, template.format(machine=machine, environment=environment))

    @property
    def builds(self) -> Mapping[str, Images]:
        """The settings of each image workflow by its name; "" is the one that needs no name. Empty without `images`."""
        return self.images.builds if self.images else {}

    @property
    def images_approval(self) -> Approval:
        """The approval of changes outside of the environments."""
        return self.images.approval if self.images else SHARED_APPROVAL

    def deployed_by(self, section: type[Section]) -> dict[str, Section]:
        """The settings of the environments that deploy through this section, by the environment's name."""
        return {
            name: environment.deploy.settings
            for name, environment in self.environments.items()
            if environment.deploy and isinstance(environment.deploy.settings, section)
        }

    def playbook_settings(self, custom: CustomOperation) -> Ansible | None:
        """How the operation's playbook runs: as the environment's deploys, but for its file, ref, tags and inputs. None without one."""
        deploy = self.environments[custom.environment].deploy
        if custom.playbook is None or deploy is None or deploy.ansible is None:
            return None
        return deploy.ansible.model_copy(
            update={
                "playbook": custom.playbook,
                "ref": custom.ref,
                "tags": custom.tags,
                "skip_tags": custom.skip_tags,
                "extra_vars": {**deploy.ansible.extra_vars, **custom.fixed_inputs},
                "command_inputs": custom.inputs,
            }
        )

    def machines_of(self, custom: CustomOperation) -> tuple[str, ...]:
        """The machine types on which the operation's playbook runs, in the environment's order."""
        machines = self.environments[custom.environment].machines
        return tuple(machine for machine in machines if machine in (custom.machines or machines))

    @property
    def secret_names(self) -> frozenset[str]:
        """The variables of the bot's environment that the configuration refers to."""
        names: set[str] = set()
        for environment in self.environments.values():
            names |= environment.deploy.settings.secret_names if environment.deploy else frozenset()
            if terraform := environment.terraform:
                names |= set(terraform.secret_environment.values())
        return frozenset(names)

    @property
    def aws_place(self) -> AwsPlace | None:
        """Where machines are, unless their environment says otherwise; None without AWS."""
        return self.aws.place if self.aws else None

    def aws_of(self, environment: Environment) -> AwsPlace | None:
        """Where the environment's machines are; None without AWS."""
        if self.aws is None:
            return None
        own = environment.aws
        return AwsPlace(own.region or self.aws.region, own.profile or self.aws.profile, own.role)

    def host_settings(self, environment: Environment, ansible: Ansible) -> HostSettings:
        """How the environment's hosts are reached, by these settings of its playbooks."""
        place = self.aws_of(environment)
        sessions = SessionManager(place.region) if place and ansible.through_sessions else None
        return HostSettings(
            ansible.user,
            ansible.port,
            ansible.connection,
            "instance_id" if sessions else ansible.address,
            ansible.groups,
            ansible.bastion,
            sessions,
        )

    def wanted_hosts(
        self, environment: Environment, ansible: Ansible, machines: tuple[str, ...] | None = None
    ) -> WantedHosts:
        """Which EC2 instances are the environment's hosts, or those of some of its machine types."""
        wanted = environment.machines if machines is None else machines
        settings = self.host_settings(environment, ansible)
        return WantedHosts(environment.whole, wanted, self.instance_tag, settings)

    def bucket_in(self, region: str | None) -> AwsPlace:
        """Where a bucket of S3 is. Without a `region` it is that of `aws`, which bot/config/aws_rules.py makes sure of."""
        if self.aws is None:
            return AwsPlace(region or "")
        return AwsPlace(region or self.aws.region, self.aws.profile)

    @property
    def words(self) -> frozenset[str]:
        """The names that the configuration gives to things: no secrets, though a plan may mark a value that equals one."""
        names = {self.slack.channel}
        for repository in self.repositories:
            names |= {repository, *repository.split("/")}
        for name, environment in self.environments.items():
            names |= {name, *name.split(PART), *environment.machines}
        return frozenset({*names, *(name.removeprefix("#") for name in names)})

    @property
    def instance_tag(self) -> str:
        """The value of tag `type` of a running server, with {environment} and {machine} in it."""
        return self.images.instance_tag if self.images else "{environment} {machine}"
