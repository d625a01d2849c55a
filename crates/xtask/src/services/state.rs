//! What one run of this program leaves for the next: where a server is, as lines of `key=value`.

use std::fs;
use std::path::{Path, PathBuf};

use super::server::Identity;
use crate::failure::{Context, Result};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct State {
    /// The server's folder, to be removed with it.
    pub(crate) data: PathBuf,
    /// Its ports, that for clients first.
    pub(crate) port: u16,
    pub(crate) others: Vec<u16>,
    /// Its process, once it was started.
    pub(crate) process: Option<Identity>,
}

impl State {
    /// Reads a file; `None` when there is none, or none that makes sense.
    pub(crate) fn load(path: &Path) -> Option<Self> {
        Self::parse(&fs::read_to_string(path).ok()?)
    }

    pub(crate) fn save(&self, path: &Path) -> Result<()> {
        replace(path, &self.to_text())
    }

    fn parse(text: &str) -> Option<Self> {
        let value = |key: &str| {
            let pairs = text.lines().filter_map(|line| line.split_once('='));
            let mut found = pairs.filter(|(name, _)| *name == key);
            found.next().map(|(_, value)| value)
        };
        let process = value("pid").zip(value("started"));
        let mut ports = value("port")?.split(',').map(str::parse);
        Some(Self {
            data: value("data")?.into(),
            port: ports.next()?.ok()?,
            others: ports.collect::<std::result::Result<_, _>>().ok()?,
            process: match process {
                None => None,
                Some((pid, started)) => {
                    Some(Identity { pid: pid.parse().ok()?, started: started.parse().ok()? })
                }
            },
        })
    }

    fn to_text(&self) -> String {
        let others: String = self.others.iter().map(|port| format!(",{port}")).collect();
        let mut text = format!("data={}\nport={}{others}\n", self.data.display(), self.port);
        if let Some(Identity { pid, started }) = self.process {
            text += &format!("pid={pid}\nstarted={started}\n");
        }
        text
    }
}

/// Writes a file so that a reader sees the old or the new content, never a part.
pub(crate) fn replace(path: &Path, content: &str) -> Result<()> {
    let new = path.with_extension("new");
    fs::write(&new, content).context(new.display())?;
    fs::rename(&new, path).context(path.display())
}

#[cfg(test)]
mod tests {
    use super::State;
    use crate::services::server::Identity;

    #[test]
    fn what_is_written_is_read_back() {
        let data = "/tmp/tracewire-redis-1".into();
        let mut state = State { data, port: 4711, others: Vec::new(), process: None };
        assert_eq!(State::parse(&state.to_text()).as_ref(), Some(&state));
        state.others = vec![4712, 4713];
        assert_eq!(State::parse(&state.to_text()).as_ref(), Some(&state));
        state.process = Some(Identity { pid: 7, started: 99 });
        assert_eq!(State::parse(&state.to_text()), Some(state));
    }

    #[test]
    fn nonsense_is_no_state() {
        let cases = [
            "",
            "data=/x\n",
            "data=/x\nport=x\n",
            "data=/x\nport=1,\n",
            "data=/x\nport=1\npid=a\nstarted=1\n",
        ];
        for text in cases {
            assert_eq!(State::parse(text), None, "{text:?}");
        }
    }
}
