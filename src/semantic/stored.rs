//! What is put where other turns and branches will read it.
//!
//! A fact holds for a value where it was found out, and is forgotten when the next turn of a loop begins. What
//! was known of a value when it was stored, though, is known of all that was ever stored there. This also
//! goes for the time of a date and for the properties of a record, which may have been checked after the
//! object was made and before it was stored.

use std::rc::Rc;

use super::flow::Analyzer;
use super::ir::{BlockId, Reg};
use super::limits;
use super::state::{Field, State};
use super::symbol::{AllocKind, Site, SiteKind, Sym, Value};

/// Tells the registers of a record's properties from its own.
const FIELD: u32 = 0x0100_0000;
/// Pseudo-blocks at which the properties of a stored record come to be: none of the function's own.
const RECORD: u32 = 0x6000_0000;

impl Analyzer<'_> {
    /// What `value` goes by once it is stored.
    pub fn stored(&mut self, state: &mut State, value: Sym, site: Rc<Site>) -> Sym {
        let known = state.clone();
        self.stored_as_known(state, &known, value, site)
    }

    /// What `value` goes by as a part of a literal: as long as the literal is not made again, the two are one.
    pub fn stored_in_literal(&mut self, state: &mut State, value: Sym, site: Rc<Site>) -> Sym {
        let stored = self.stored(state, value, site);
        self.model.goes_by(value, stored);
        stored
    }

    /// The same, with what another state knows of the value.
    pub fn stored_as_known(&mut self, state: &mut State, known: &State, value: Sym, site: Rc<Site>) -> Sym {
        let value = self.kept_object(state, known, value, &site, 0);
        let kept = self.model.keep(known, value, site);
        if self.frame_is_straight() {
            self.model.goes_by(value, kept);
        }
        kept
    }

    /// A date or record that was checked in this turn goes by what was found out: as one of the objects that
    /// were stored there, told from those that were made at the same place and were not.
    fn kept_object(&mut self, state: &mut State, known: &State, value: Sym, site: &Rc<Site>, depth: u8) -> Sym {
        let Value::Alloc { kind, old: false, .. } = *self.model.symbols.value(value) else { return value };
        if self.frame_is_straight() {
            return value;
        }
        let (Some(object), SiteKind::Op(reg, nth)) = (state.object(value).cloned(), &site.what) else { return value };
        let mut copy = (*object).clone();
        match kind {
            AllocKind::Date => {
                let checked = copy.time.filter(|time| known.facts.contains_key(time));
                copy.time = checked.map(|time| self.model.keep(known, time, site.clone())).or(copy.time);
            }
            AllocKind::Object if depth < limits::RECORD_DEPTH_MAX && object.closed && object.fields.len() <= limits::RECORD_FIELDS_MAX => {
                for (i, (name, field)) in object.fields.iter().enumerate() {
                    let Field::Value(held) = *field else { continue };
                    let own = Site { what: SiteKind::Op(Reg(reg.0 | FIELD << (4 * depth)), nth ^ i as u8), ..(**site).clone() };
                    let mut kept = self.kept_object(state, known, held, &Rc::new(own), depth + 1);
                    if self.knows_more(known, held) {
                        let what = SiteKind::Field(BlockId(RECORD + reg.0), value, name.clone());
                        kept = self.model.keep(known, held, Rc::new(Site { what, ..(**site).clone() }));
                    }
                    copy.fields.insert(name.clone(), Field::Value(kept));
                }
            }
            _ => return value,
        }
        if copy == *object {
            return value;
        }
        let stored = self.model.symbols.intern(Value::Alloc { site: site.clone(), kind, old: true });
        state.heap.insert(stored, Rc::new(copy));
        stored
    }

    /// Whether more is known of a value that was stored before than when it was.
    fn knows_more(&self, known: &State, held: Sym) -> bool {
        let (Some(now), Some(then)) = (known.facts.get(&held), self.model.kept.get(held)) else { return false };
        then.meet(*now) != then
    }
}
