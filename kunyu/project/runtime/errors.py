"""Errors of the runtime: what stops a node from starting, being backed up or being restored."""

from __future__ import annotations

from kunyu.kernel.errors import NodeUnavailable, Refused, UnreadableInput


class ClusterUnavailable(NodeUnavailable):
    """The private PostgreSQL cluster cannot be made, started or reached."""

    code = "runtime.cluster_unavailable"


class PostgresMissing(NodeUnavailable):
    """No usable PostgreSQL server programs are installed."""

    code = "runtime.postgres_missing"


class FolderNotReachable(NodeUnavailable):
    """The account that runs PostgreSQL may not enter a folder above the state folder."""

    code = "runtime.folder_not_reachable"


class SecretUnreadable(NodeUnavailable):
    """``secret.json`` is damaged or may not be read."""

    code = "runtime.secret_unreadable"


class PortBusy(NodeUnavailable):
    """Another program listens on the address of the node."""

    code = "runtime.port_busy"


class NodeDidNotStart(NodeUnavailable):
    """A child process ended or did not become healthy in time."""

    code = "runtime.node_did_not_start"


class NodeRunning(Refused):
    """The command needs a stopped node."""

    code = "runtime.node_running"


class HomeNotEmpty(Refused):
    """A restore would overwrite a state folder that holds data."""

    code = "runtime.home_not_empty"


class BackupUnreadable(UnreadableInput):
    """A backup file is damaged, incomplete or not a backup."""

    code = "runtime.backup_unreadable"


class ProductionRefused(Refused):
    """Production does not start with the settings of a demonstration."""

    code = "runtime.production_refused"
    title_zh, title_en = "生产环境拒绝启动", "Refused in production"
