//! What the place where a process runs tells about itself.
//!
//! Semantic conventions: Resource, "Host", "Operating System", "Process", "Container",
//! "Kubernetes". What cannot be found out is left out.

use std::fs;

use opentelemetry::KeyValue;

use crate::sdk::env::Env;

/// Something that knows attributes of the resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Detector {
    /// `host.name`, `host.arch`, and on Linux `host.id`.
    Host,
    /// `os.type`, and on Linux `os.name`, `os.version`, `os.description`.
    Os,
    /// `process.pid`, `process.executable.name`, `process.executable.path`. Not the arguments, which
    /// may be secrets.
    Process,
    /// `container.id`, on Linux.
    Container,
    /// `k8s.pod.name`, `k8s.pod.uid`, `k8s.namespace.name`, `k8s.node.name`, `k8s.container.name`,
    /// `k8s.deployment.name`, `k8s.cluster.name`, from variables of these names in capitals
    /// (`K8S_POD_NAME`), which the downward API sets; name and namespace of the pod also without.
    Kubernetes,
}

impl Detector {
    /// Every one that there is.
    pub const ALL: [Self; 5] =
        [Self::Host, Self::Os, Self::Process, Self::Container, Self::Kubernetes];

    /// What `OTEL_EXPERIMENTAL_RESOURCE_DETECTORS` calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Os => "os",
            Self::Process => "process",
            Self::Container => "container",
            Self::Kubernetes => "k8s",
        }
    }

    pub(in crate::sdk) fn detect(self, env: &Env) -> Vec<KeyValue> {
        let found = match self {
            Self::Host => host(env),
            Self::Os => os(),
            Self::Process => return process(),
            Self::Container => vec![("container.id", container())],
            Self::Kubernetes => kubernetes(env),
        };
        found.into_iter().filter_map(|(key, value)| Some(KeyValue::new(key, value?))).collect()
    }
}

type Found = Vec<(&'static str, Option<String>)>;

fn host(env: &Env) -> Found {
    let name = file("/proc/sys/kernel/hostname")
        .or_else(|| env.text("HOSTNAME"))
        .or_else(|| env.text("COMPUTERNAME"));
    let id = file("/etc/machine-id").or_else(|| file("/var/lib/dbus/machine-id"));
    vec![("host.name", name), ("host.arch", Some(arch().to_owned())), ("host.id", id)]
}

/// Rust and the conventions have different names for the same.
fn arch() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "arm" => "arm32",
        "powerpc" => "ppc32",
        "powerpc64" => "ppc64",
        other => other,
    }
}

fn os() -> Found {
    let kind = match std::env::consts::OS {
        "macos" | "ios" => "darwin",
        "dragonfly" => "dragonflybsd",
        other => other,
    };
    let release = file("/etc/os-release").unwrap_or_default();
    vec![
        ("os.type", Some(kind.to_owned())),
        ("os.name", entry(&release, "NAME")),
        ("os.version", entry(&release, "VERSION_ID")),
        ("os.description", entry(&release, "PRETTY_NAME")),
    ]
}

/// A value of `os-release`.
fn entry(release: &str, key: &str) -> Option<String> {
    let pairs = release.lines().filter_map(|line| line.split_once('='));
    let value = pairs.into_iter().find(|(name, _)| name.trim() == key)?.1;
    let value = value.trim().trim_matches(['"', '\'']);
    (!value.is_empty()).then(|| value.to_owned())
}

fn process() -> Vec<KeyValue> {
    let mut found = vec![KeyValue::new("process.pid", i64::from(std::process::id()))];
    if let Ok(path) = std::env::current_exe() {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        found.extend(name.map(|name| KeyValue::new("process.executable.name", name)));
        let path = path.to_string_lossy().into_owned();
        found.push(KeyValue::new("process.executable.path", path));
    }
    found
}

fn container() -> Option<String> {
    let cgroup = file("/proc/self/cgroup").unwrap_or_default();
    container_of_cgroup(&cgroup).or_else(|| container_of_mounts(&file("/proc/self/mountinfo")?))
}

/// With version 1 of cgroups, the last part of a path is the id, with something around it.
fn container_of_cgroup(cgroup: &str) -> Option<String> {
    let names = cgroup.lines().filter_map(|line| line.rsplit('/').next());
    names.into_iter().find_map(|name| {
        let name = name.strip_suffix(".scope").unwrap_or(name);
        id(name.rsplit(['-', ':']).next()?)
    })
}

/// With version 2, files such as `/etc/hostname` come from a directory that is named after the id.
fn container_of_mounts(mounts: &str) -> Option<String> {
    let lines = mounts.lines().filter(|line| line.contains("/containers/"));
    let lines = lines.filter(|line| line.contains("hostname"));
    lines.flat_map(|line| line.split('/')).find_map(id)
}

fn id(text: &str) -> Option<String> {
    let is_id = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_id.then(|| text.to_owned())
}

fn kubernetes(env: &Env) -> Found {
    let Some(_) = env.text("KUBERNETES_SERVICE_HOST") else {
        return Vec::new();
    };
    let secret = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";
    vec![
        ("k8s.pod.name", env.text("K8S_POD_NAME").or_else(|| env.text("HOSTNAME"))),
        ("k8s.pod.uid", env.text("K8S_POD_UID")),
        ("k8s.namespace.name", env.text("K8S_NAMESPACE_NAME").or_else(|| file(secret))),
        ("k8s.node.name", env.text("K8S_NODE_NAME")),
        ("k8s.container.name", env.text("K8S_CONTAINER_NAME")),
        ("k8s.deployment.name", env.text("K8S_DEPLOYMENT_NAME")),
        ("k8s.cluster.name", env.text("K8S_CLUSTER_NAME")),
    ]
}

fn file(path: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    #[test]
    fn containers_are_found_in_cgroups() {
        let cases = [
            (format!("12:pids:/docker/{ID}\n"), true),
            (format!("1:name=systemd:/kubepods.slice/cri-containerd-{ID}.scope"), true),
            (format!("0::/system.slice/crio-{ID}.scope"), true),
            (format!("0::/kubepods/pod1/{ID}"), true),
            (format!("11:x:/kubepods-pod1.slice:cri-containerd:{ID}"), true),
            ("0::/\n".to_owned(), false),
            ("0::/user.slice/session-2.scope".to_owned(), false),
            (String::new(), false),
        ];
        for (cgroup, expected) in cases {
            let expected = expected.then(|| ID.to_owned());
            assert_eq!(container_of_cgroup(&cgroup), expected, "{cgroup}");
        }
    }

    #[test]
    fn containers_are_found_in_mounts() {
        let mount = format!(
            "473 456 254:1 /var/lib/docker/containers/{ID}/resolv.conf /etc/resolv.conf rw\n\
             474 456 254:1 /var/lib/docker/containers/{ID}/hostname /etc/hostname rw - ext4"
        );
        assert_eq!(container_of_mounts(&mount).as_deref(), Some(ID));
        assert_eq!(container_of_mounts("1 2 3:4 / / rw - ext4 /dev/sda1 rw"), None);
    }

    #[test]
    fn the_release_of_the_system_is_read() {
        let release = "NAME=\"Some Linux\"\nVERSION_ID='12'\nPRETTY_NAME=\nID=some";
        assert_eq!(entry(release, "NAME").as_deref(), Some("Some Linux"));
        assert_eq!(entry(release, "VERSION_ID").as_deref(), Some("12"));
        assert_eq!(entry(release, "PRETTY_NAME"), None);
        assert_eq!(entry(release, "HOME_URL"), None);
    }
}
