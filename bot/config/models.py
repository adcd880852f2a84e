"""What signalbox.yaml says, as frozen models; docs/configuration.md explains every key."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from bot.config.values import (
    Channel,
    CheckNames,
    Duration,
    FollowUp,
    Login,
    Name,
    Person,
    Playbook,
    Ref,
    Regex,
    Region,
    Repository,
    RepositoryPath,
    ResourceType,
    SecretSource,
    Template,
    TerminateAfter,
    Text,
    Unit,
    Variable,
    WindowText,
    Workflow,
)
from runners.results import ImageGroup

if TYPE_CHECKING:
    from bot.config.places import Place


class Model(BaseModel):
    """Frozen, and strict: an unknown key or a number where text belongs is a fault."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Slack(Model):
    """Where alerts go, and whatever has no channel of its own."""

    channel: Channel


class GitHub(Model):
    """The repository (owner/name) with the Terraform code, the playbooks and the workflows."""

    repository: Repository


class Aws(Model):
    """Where the machines run. Without a profile boto3's usual places are asked for credentials.

    `regions` are those in which builders and images are looked after, when that is more than `region`.
    """

    region: Region
    regions: tuple[Region, ...] = ()
    profile: Text | None = None

    @property
    def all_regions(self) -> tuple[str, ...]:
        """Every region that is looked after, the one with the machines first."""
        return tuple(dict.fromkeys((self.region, *self.regions)))


class Access(Model):
    """User ids, or usergroup:<id>: who may run commands, and who may approve where an environment names nobody."""

    operators: Annotated[tuple[Person, ...], Field(min_length=1)]
    approvers: tuple[Person, ...] = ()


class Promote(Model):
    """The branches that a pull request merges before a deploy, in which repositories; how long its checks may take."""

    source: Ref = Field(alias="from")
    target: Ref = Field(alias="to")
    repositories: Annotated[tuple[Repository, ...], Field(min_length=1)]
    wait: Duration = timedelta(hours=1)


class GitHubActions(Model):
    """Deploys by a workflow. `mark_input` names the input that takes the operation's mark, if the workflow has one.

    `required_checks`: those that the branch requires (true), none (false), or those of these names. With `record` GitHub
    is told of each deploy, as a deployment of its own.
    """

    workflow: Workflow
    ref: Ref = "main"
    inputs: Mapping[Variable, str] = {}
    mark_input: Variable | None = None
    required_checks: CheckNames = True
    record: bool = True


class Ansible(Model):
    """Deploys by playbooks of the repository; secrets are names of variables in the bot's environment."""

    directory: RepositoryPath
    playbook: Playbook
    ref: Ref = "main"
    user: Login
    port: Annotated[int, Field(ge=1, le=65535)] = 22
    private_key_env: SecretSource | None = None
    address: Literal["public_dns", "private_ip"] = "public_dns"
    connection: Literal["ssh", "local"] = "ssh"
    pipelining: bool = True
    at_once: bool = False
    host_keys: Literal["first_sight", "console"] = "first_sight"
    extra_vars: Mapping[Variable, object] = {}
    secret_vars: Mapping[Variable, SecretSource] = {}


class Deploy(Model):
    """How code is deployed: by exactly one of the two."""

    github_actions: GitHubActions | None = None
    ansible: Ansible | None = None


class Hcp(Model):
    """A workspace of HCP Terraform."""

    organization: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,90}$")]
    workspace: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,90}$")]


class Terraform(Model):
    """How an environment's infrastructure is planned: from a directory of the repository, or in HCP Terraform.

    `variables` may be given with the command; destroying a resource of a `protected` type needs a typed confirmation.
    `secret_environment` maps a variable of the child to the name of one in the bot's environment.
    """

    directory: RepositoryPath | None = None
    ref: Ref = "main"
    variables: tuple[Variable, ...] = ()
    protected: tuple[ResourceType, ...] = ()
    confirm_above: Annotated[int, Field(ge=0)] | None = None
    workspace: Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,89}$")] | None = None
    backend_config: Mapping[Variable, str] = {}
    var_files: tuple[RepositoryPath, ...] = ()
    environment: Mapping[Variable, str] = {}
    secret_environment: Mapping[Variable, SecretSource] = {}
    hcp: Hcp | None = None


class Approval(Model):
    """How many distinct people must approve, whether the requester counts, and how long the question stands."""

    required: Annotated[int, Field(ge=0, le=10)] = 1
    requester_may_approve: bool = False
    expires_after: Duration = timedelta(hours=1)
    approvers: tuple[Person, ...] | None = None


class DaemonCommands(Model):
    """How a daemon is known, started and stopped where systemd has no unit of its name; `*` stands for all others.

    {daemon} is filled in. `command` is a regular expression that its command line matches.
    """

    command: Regex = ""
    pid_file: Text | None = None
    start: Text | None = None
    stop: Text | None = None


class DaemonChecks(Model):
    """How long daemons are looked at and waited for after a deploy, and what they are where there is no systemd."""

    settle: Duration = timedelta(seconds=10)
    stop_within: Duration = timedelta(seconds=30)
    without_systemd: Mapping[str, DaemonCommands] = {}


class Environment(Model):
    """One environment. `name` is its key in the file; `channel` is Slack's channel unless it has its own."""

    name: str
    channel: Channel
    machines: tuple[Name, ...] = ()
    promote: Promote | None = None
    deploy: Deploy
    terraform: Terraform | None = None
    daemons: Mapping[Name, tuple[Unit, ...]] = {}
    daemon_checks: DaemonChecks = DaemonChecks()
    approval: Approval = Approval()
    after: Name | None = None
    windows: tuple[WindowText, ...] = ()
    code_deploy_after_old_image: FollowUp = "offer"


# One person may look, decide and do where nothing that serves anybody is touched.
SHARED_APPROVAL = Approval(required=1, requester_may_approve=True)


class Rerun(Model):
    """Which words in a failed job's log mean "try again", how often, and after how long."""

    on: tuple[Text, ...] = ("RequestLimitExceeded", "API rate limit exceeded")
    times: Annotated[int, Field(ge=0, le=10)] = 2
    wait: Duration = timedelta(minutes=2)


class Keep(Model):
    """Which images a clean-up never offers to remove.

    With `disable_first` an approved image is first disabled for so long: nobody can launch it, and it can be taken back.
    """

    newest: Annotated[int, Field(ge=1)] = 3
    younger_than: Duration = timedelta(days=30)
    disable_first: Duration | None = None


class BuildInputs(Model):
    """The workflow's inputs that say what is built; unset: those called so (`machines` or `machine`), if there are any."""

    machines: Variable | None = None
    environments: Variable | None = None


class Images(Model):
    """How machine images are built, tagged, judged and kept.

    `approval` is for what belongs to no environment: removing images, ending builders. With `follow_runs_by_hand` a
    run of the workflow that nobody asked for here gets its message all the same.
    """

    workflow: Workflow
    ref: Ref = "main"
    inputs: BuildInputs = BuildInputs()
    instance_tag: Template = "{environment} {machine}"
    ami_name_tag: Mapping[str, Template] = {"*": "{machine}-{environment}"}
    suspicious: tuple[Regex, ...] = ()
    rerun: Rerun = Rerun()
    keep: Keep = Keep()
    follow_runs_by_hand: bool = True
    approval: Approval = SHARED_APPROVAL


class WatchBuilders(Model):
    """Looks for builders that were left running.

    One whose job has ended is stuck after `grace`, one whose job still runs after `longest_build`, and one of which no
    job is known after `older_than`. `terminate` is None where a person has to say so, else for how long a stuck
    builder is left to people before it is terminated without.
    """

    every: Duration = timedelta(minutes=5)
    older_than: Duration = timedelta(minutes=45)
    grace: Duration = timedelta(minutes=5)
    longest_build: Duration = timedelta(hours=3)
    name_tag: Text = "Packer Builder"
    run_tag: Text = "GITHUB_RUN_ID"
    terminate: TerminateAfter = None


class WatchImages(Model):
    """Proposes a clean-up of images now and then, when there is anything to remove; a person decides."""

    every: Duration = timedelta(days=7)


class WatchDrift(Model):
    """Plans each environment now and then, to see what changed outside of Terraform."""

    every: Duration = timedelta(days=1)


class WatchKeys(Model):
    """Looks for keys that have grown old."""

    older_than: Duration = timedelta(days=90)


class Watch(Model):
    """What is looked after without being asked."""

    builders: WatchBuilders | None = None
    images: WatchImages | None = None
    drift: WatchDrift | None = None
    keys: WatchKeys | None = None


class TerraformProgram(Model):
    """The terraform program and how it is run; `program` unset: the one that is found (see `check`)."""

    program: Text | None = None
    plugin_cache: Text | None = None
    timeout: Duration = timedelta(minutes=30)
    cancel_grace: Duration = timedelta(minutes=5)


class Operations(Model):
    """Where operations keep their files (relative: beside the configuration), and how long a deploy may take."""

    directory: Text = "var"
    deploy_timeout: Duration = timedelta(hours=1)


class Config(Model):
    """The whole of signalbox.yaml."""

    slack: Slack
    github: GitHub
    aws: Aws
    access: Access
    environments: Annotated[Mapping[Name, Environment], Field(min_length=1)]
    images: Images | None = None
    watch: Watch | None = None
    terraform: TerraformProgram = TerraformProgram()
    operations: Operations = Operations()

    def approvers(self, place: Place) -> tuple[str, ...]:
        """Who may approve there: its own approvers, or else those of `access`."""
        own = place.approval.approvers
        return self.access.approvers if own is None else own

    def image_group(self, machine: str, environment: str) -> ImageGroup:
        """The machine's images in an environment, and what their tag `Name` says."""
        tags = (self.images or Images(workflow="none.yml")).ami_name_tag
        template = tags.get(machine, tags.get("*", "{machine}-{environment}"))
        return ImageGroup(environment, machine, template.format(machine=machine, environment=environment))

    @property
    def images_approval(self) -> Approval:
        """How what belongs to no environment is approved."""
        return self.images.approval if self.images else SHARED_APPROVAL

    @property
    def secret_names(self) -> frozenset[str]:
        """The variables of the bot's environment whose values the configuration asks for."""
        names: set[str] = set()
        for environment in self.environments.values():
            if ansible := environment.deploy.ansible:
                names |= {*ansible.secret_vars.values(), *filter(None, [ansible.private_key_env])}
            if terraform := environment.terraform:
                names |= set(terraform.secret_environment.values())
        return frozenset(names)

    @property
    def instance_tag(self) -> str:
        """The value of tag `type` of a running server, with {environment} and {machine} in it."""
        return self.images.instance_tag if self.images else "{environment} {machine}"
