//! What each keyword means in each clause: which words are operations, and where targets follow them.

use super::super::Dialect;
use super::super::keyword::Keyword as K;
use super::scope::{CAN_FROM, CAN_JOIN, CAN_USING, CAN_WITH, Clause, ENDS, IN_LIST, RECURSIVE};
use super::{Summary, words};

impl<'a> Summary<'a> {
    pub(super) fn word(&mut self, word: &'a str, keyword: K) {
        match self.frames.top().clause {
            Clause::Start => self.begin(word, keyword),
            Clause::Explain if words::begins_query(keyword) => self.begin(word, keyword),
            Clause::Explain => {}
            Clause::Target => self.target(word, keyword),
            Clause::Delete => self.delete(word, keyword),
            Clause::Object => self.object(word, keyword),
            Clause::Operands | Clause::Subject => self.operand(word, keyword),
            Clause::Transaction => {
                if words::completes_transaction(keyword) {
                    self.operation(word);
                }
                self.frames.top().clause = Clause::Opaque;
            }
            Clause::CteName | Clause::CteHead | Clause::CteBody | Clause::CteEnd => {
                self.cte(word, keyword);
            }
            Clause::Body => self.body(word, keyword),
            Clause::Opaque => self.ended |= keyword == K::Atomic && self.previous == K::Begin,
        }
    }

    /// The word that begins a statement.
    fn begin(&mut self, word: &'a str, keyword: K) {
        let outermost = self.frames.is_outermost();
        let frame = self.frames.top();
        let (clause, flags) = match keyword {
            // After UNION and its like.
            K::All | K::Distinct => return,
            K::With => return frame.restart(Clause::CteName, 0),
            K::Select => (Clause::Body, CAN_FROM),
            K::Insert | K::Replace | K::Upsert => (Clause::Target, CAN_WITH),
            K::Merge => (Clause::Target, CAN_USING),
            K::Update => (Clause::Target, IN_LIST | CAN_JOIN | CAN_FROM),
            K::Delete => (Clause::Delete, CAN_FROM | CAN_USING),
            K::Table => (Clause::Target, 0),
            K::Copy | K::Call | K::Exec | K::Execute => (Clause::Target, ENDS),
            K::Values | K::Prepare | K::Declare => (Clause::Body, 0),
            K::Explain => (Clause::Explain, 0),
            K::Create => (Clause::Object, 0),
            K::Alter => (Clause::Object, ENDS),
            K::Drop => (Clause::Object, IN_LIST),
            _ if words::takes_operands(keyword) => (Clause::Operands, IN_LIST),
            _ if words::takes_subject(keyword) => (Clause::Subject, 0),
            _ if words::bounds_transaction(keyword) => (Clause::Transaction, 0),
            _ if words::stands_alone(keyword) => (Clause::Opaque, 0),
            _ if outermost => return frame.restart(Clause::Opaque, 0),
            _ => return frame.restart(Clause::Body, 0),
        };
        frame.restart(clause, flags);
        self.operation(word);
    }

    /// A word where a target is expected.
    fn target(&mut self, word: &'a str, keyword: K) {
        match keyword {
            K::Select => self.begin(word, keyword),
            K::With if self.after_paren => self.begin(word, keyword),
            K::Values | K::Outfile | K::Dumpfile | K::As => self.frames.top().clause = Clause::Body,
            _ if words::modifies_target(keyword) || self.previous == K::Or => {}
            _ if words::is_reserved(keyword) => self.body(word, keyword),
            _ => self.begin_name(word, keyword),
        }
    }

    fn delete(&mut self, word: &'a str, keyword: K) {
        match keyword {
            K::From => self.from(),
            _ if words::modifies_target(keyword) => {}
            _ if words::is_reserved(keyword) => self.frames.top().clause = Clause::Body,
            _ => self.begin_name(word, keyword),
        }
    }

    /// A word after `CREATE`, `ALTER` or `DROP`, up to the kind of object.
    fn object(&mut self, word: &'a str, keyword: K) {
        let frame = self.frames.top();
        match keyword {
            K::Materialized | K::Foreign => {}
            K::System => frame.clause = Clause::Opaque,
            K::Table | K::View => frame.clause = Clause::Target,
            _ if words::is_object(keyword) => {
                let creates = !frame.has(IN_LIST) && !frame.has(ENDS);
                frame.clause = Clause::Target;
                if creates {
                    frame.set(ENDS);
                    // Only PostgreSQL quotes a body, so that a semicolon in it ends no statement.
                    self.in_routine = words::has_body(keyword) && self.dialect != Dialect::Postgres;
                }
            }
            _ => return,
        }
        self.operation(word);
    }

    fn operand(&mut self, word: &'a str, keyword: K) {
        match keyword {
            K::Select => self.begin(word, keyword),
            _ if words::modifies_target(keyword) || words::modifies_scope(keyword) => {}
            _ => self.begin_name(word, keyword),
        }
    }

    fn cte(&mut self, word: &'a str, keyword: K) {
        let frame = self.frames.top();
        match (frame.clause, keyword) {
            (_, K::Select) => self.begin(word, keyword),
            (Clause::CteName, K::Recursive) => frame.set(RECURSIVE),
            (Clause::CteName, _) => self.cte_name(word),
            (Clause::CteHead, K::As) => frame.clause = Clause::CteBody,
            (Clause::CteEnd, _) if words::begins_query(keyword) => self.begin(word, keyword),
            _ => {}
        }
    }

    pub(super) fn cte_name(&mut self, name: &'a str) {
        let frame = self.frames.top();
        frame.clause = Clause::CteHead;
        self.names.add(name, frame.has(RECURSIVE));
    }

    fn body(&mut self, word: &'a str, keyword: K) {
        let previous = self.previous;
        let frame = self.frames.top();
        match keyword {
            K::Other => {}
            K::Select => self.begin(word, keyword),
            K::From if frame.has(CAN_FROM) && previous != K::Distinct => self.from(),
            // Not the JOIN of MySQL's `USE INDEX FOR JOIN`.
            K::Join | K::StraightJoin if frame.has(CAN_JOIN) && previous != K::For => {
                frame.clause = Clause::Target;
                frame.set(IN_LIST);
                frame.unset(CAN_USING);
            }
            K::Apply if frame.has(CAN_JOIN) && matches!(previous, K::Cross | K::Outer) => {
                frame.clause = Clause::Target;
            }
            K::Using if frame.has(CAN_USING) => {
                frame.clause = Clause::Target;
                frame.unset(CAN_USING);
                frame.set(IN_LIST | CAN_JOIN);
            }
            K::Into if frame.has(CAN_FROM) => frame.clause = Clause::Target,
            K::With if previous == K::As || self.after_paren || frame.has(CAN_WITH) => {
                frame.restart(Clause::CteName, 0);
            }
            K::Union | K::Intersect | K::Except => frame.restart(Clause::Start, 0),
            K::Minus if self.dialect == Dialect::Other => frame.restart(Clause::Start, 0),
            _ if words::ends_list(keyword) => {
                frame.clause = Clause::Body;
                frame.unset(IN_LIST);
                self.before_delete = None;
            }
            _ => {}
        }
    }

    fn from(&mut self) {
        if let Some(mark) = self.before_delete.take() {
            self.writer.rewind(mark);
        }
        let frame = self.frames.top();
        frame.clause = Clause::Target;
        frame.unset(CAN_FROM);
        frame.set(IN_LIST | CAN_JOIN);
    }
}
