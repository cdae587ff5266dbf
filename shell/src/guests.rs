// SPDX-License-Identifier: Apache-2.0
//! What this shell has loaded. A name is gone by the time its actor's end is reported, so it is remembered here; so is
//! whether the end was asked for, because then it is no news.

use crate::abi::ActorId;

/// Beyond these, ends are still reported, by id alone.
const REMEMBERED_MAX: usize = 64;
const NAME_BYTES_MAX: usize = 63;

#[derive(Clone, Copy)]
pub struct Guest {
    id: ActorId, // 0: a free entry
    name: [u8; NAME_BYTES_MAX],
    name_len: u8,
    stopping: bool,
}

const FREE: Guest = Guest { id: 0, name: [0; NAME_BYTES_MAX], name_len: 0, stopping: false };

impl Guest {
    pub fn name(&self) -> &[u8] {
        &self.name[..self.name_len as usize]
    }

    pub fn was_stopped(&self) -> bool {
        self.stopping
    }
}

pub struct Guests([Guest; REMEMBERED_MAX]);

impl Guests {
    pub const fn new() -> Guests {
        Guests([FREE; REMEMBERED_MAX])
    }

    pub fn add(&mut self, id: ActorId, name: &[u8]) {
        if name.len() > NAME_BYTES_MAX {
            return;
        }
        if let Some(entry) = self.0.iter_mut().find(|entry| entry.id == 0) {
            *entry = FREE;
            entry.id = id;
            entry.name[..name.len()].copy_from_slice(name);
            entry.name_len = name.len() as u8;
        }
    }

    pub fn mark_stopping(&mut self, id: ActorId) {
        if let Some(entry) = self.find(id) {
            entry.stopping = true;
        }
    }

    /// Forgets the guest and returns what was known of it.
    pub fn remove(&mut self, id: ActorId) -> Option<Guest> {
        let entry = self.find(id)?;
        let known = *entry;
        *entry = FREE;
        Some(known)
    }

    fn find(&mut self, id: ActorId) -> Option<&mut Guest> {
        self.0.iter_mut().find(|entry| entry.id == id && id != 0)
    }
}
