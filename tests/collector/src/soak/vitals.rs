//! What a process takes up.

/// Memory, threads and open files of a process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Vitals {
    /// Resident, in KiB.
    pub memory: u64,
    pub threads: u64,
    pub files: u64,
}

impl Vitals {
    /// See proc(5).
    #[track_caller]
    pub fn of(process: u32) -> Self {
        let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
        let value = |key: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap();
            line.split_whitespace().next().unwrap().parse().unwrap()
        };
        let files = std::fs::read_dir(format!("/proc/{process}/fd")).unwrap().count() as u64;
        Self { memory: value("VmRSS:"), threads: value("Threads:"), files }
    }

    pub fn highest(self, other: Self) -> Self {
        Self {
            memory: self.memory.max(other.memory),
            threads: self.threads.max(other.threads),
            files: self.files.max(other.files),
        }
    }
}
