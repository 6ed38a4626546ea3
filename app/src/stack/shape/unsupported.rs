//! What does Compose know that wardroom does not do? Each key with what to do instead.

const LEAVE: &str = "leave it out";
const GRANT: &str = "containers run with the engine's own rights; leave it out";
const NETWORK: &str = "put both services on one external network";
const LIMITS: &str = "wardroom sets no limits; leave it out";

/// At the top of a file.
pub const TOP: &[(&str, &str)] = &[
    (
        "configs",
        "hand files over as secrets, or as bind mounts under `volumes:` of the service",
    ),
    ("include", "name every file with a -c of its own"),
    ("models", LEAVE),
];

/// Of a service.
pub const SERVICE: &[(&str, &str)] = &[
    ("annotations", LEAVE),
    ("attach", LEAVE),
    ("blkio_config", LIMITS),
    ("build", "build the image first, and name it with `image:`"),
    ("cap_add", GRANT),
    ("cap_drop", GRANT),
    ("cgroup", GRANT),
    ("cgroup_parent", GRANT),
    (
        "configs",
        "hand the file over as a secret, or as a bind mount under `volumes:`",
    ),
    ("container_name", "tasks are called by service and slot; leave it out"),
    ("cpu_count", LIMITS),
    ("cpu_percent", LIMITS),
    ("cpu_period", LIMITS),
    ("cpu_quota", LIMITS),
    ("cpu_shares", LIMITS),
    ("cpus", LIMITS),
    ("cpuset", LIMITS),
    ("credential_spec", LEAVE),
    (
        "depends_on",
        "all services start at once; let the program wait for what it needs",
    ),
    ("develop", LEAVE),
    ("device_cgroup_rules", GRANT),
    ("devices", GRANT),
    ("dns", "set it in the engine; leave it out"),
    ("dns_opt", "set it in the engine; leave it out"),
    ("dns_search", "set it in the engine; leave it out"),
    ("domainname", "use `hostname:`"),
    ("expose", "it publishes nothing; leave it out"),
    ("extends", "write the keys out, or share them by a YAML anchor"),
    ("external_links", NETWORK),
    ("extra_hosts", "use a name service"),
    ("gpus", LEAVE),
    ("ipc", GRANT),
    ("isolation", LEAVE),
    ("label_file", "write the labels under `labels:`"),
    ("links", NETWORK),
    (
        "logging",
        "set it in the engine; `wardroom service logs` shows the output",
    ),
    ("mac_address", LEAVE),
    ("mem_limit", LIMITS),
    ("mem_reservation", LIMITS),
    ("mem_swappiness", LIMITS),
    ("memswap_limit", LIMITS),
    ("network_mode", "use `networks: [host]` or `networks: [none]`"),
    ("oom_kill_disable", LIMITS),
    ("oom_score_adj", LIMITS),
    ("pid", GRANT),
    ("pids_limit", LIMITS),
    ("platform", "label the nodes, and use deploy.placement.constraints"),
    ("post_start", LEAVE),
    ("pre_stop", LEAVE),
    ("privileged", GRANT),
    ("profiles", "put the service into a file of its own"),
    (
        "pull_policy",
        "the image is taken from the engine of the node; leave it out",
    ),
    ("runtime", LEAVE),
    ("scale", "use deploy.replicas"),
    ("security_opt", GRANT),
    ("shm_size", LIMITS),
    ("stdin_open", LEAVE),
    ("storage_opt", LIMITS),
    ("sysctls", GRANT),
    ("tmpfs", "write it under `volumes:` with type: tmpfs"),
    ("tty", LEAVE),
    ("ulimits", LIMITS),
    ("userns_mode", GRANT),
    ("uts", GRANT),
    ("volume_driver", LEAVE),
    ("volumes_from", "name the volumes under `volumes:` of both services"),
];
