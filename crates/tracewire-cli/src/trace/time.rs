//! Where the time of a trace went.

use std::time::Duration;

use super::Node;

/// A stretch of the [critical path](super::Trace::critical_path) that is one span's own.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Segment<'a> {
    /// The span that was the reason to wait.
    pub node: Node<'a>,
    /// From when, in nanoseconds since the Unix epoch.
    pub start: u64,
    /// Until when.
    pub end: u64,
}

/// The span's duration minus the union of its children's, as far as they lie inside it.
pub(super) fn self_time(node: Node<'_>) -> Duration {
    let (start, end) = (node.start, node.end.max(node.start));
    let (mut own, mut covered_to) = (0, start);
    for child in node.children() {
        let child_start = child.start.clamp(start, end);
        own += child_start.saturating_sub(covered_to);
        covered_to = covered_to.max(child_start).max(child.end.min(end));
    }
    Duration::from_nanos(own + (end - covered_to))
}

/// Walks back from the root's end: what ended last before this moment was waited for, down to its own start.
pub(super) fn critical_path(root: Node<'_>) -> Vec<Segment<'_>> {
    let mut path = Vec::new();
    let mut stack = vec![Frame::new(root, root.start, root.end.max(root.start))];
    while let Some(frame) = stack.last_mut() {
        match frame.next_child() {
            Some((child, start, end)) => {
                frame.emit(end, &mut path);
                frame.cursor = start;
                stack.push(Frame::new(child, start, end));
            }
            None => {
                frame.emit(frame.start, &mut path);
                stack.pop();
            }
        }
    }
    path.reverse();
    path
}

struct Frame<'a> {
    node: Node<'a>,
    start: u64,
    end: u64,
    /// What lies at and after it is already on the path.
    cursor: u64,
    /// Children still to consider, the last to end at the back.
    children: Vec<Node<'a>>,
}

impl<'a> Frame<'a> {
    fn new(node: Node<'a>, start: u64, end: u64) -> Self {
        let mut children: Vec<_> = node.children().collect();
        children.sort_by_key(|child| child.end);
        Self { node, start, end, cursor: end, children }
    }

    /// The next child on the path, with the stretch of it that lies inside this span and before the cursor.
    ///
    /// A child that was still running when a later one on the path began was not what that one waited for.
    fn next_child(&mut self) -> Option<(Node<'a>, u64, u64)> {
        while let Some(child) = self.children.pop() {
            let start = child.start.max(self.start);
            let end = child.end.min(self.end);
            if start < end && end <= self.cursor {
                return Some((child, start, end));
            }
        }
        None
    }

    fn emit(&self, from: u64, path: &mut Vec<Segment<'a>>) {
        if from < self.cursor {
            path.push(Segment { node: self.node, start: from, end: self.cursor });
        }
    }
}
