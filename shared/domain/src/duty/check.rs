//! What a schedule may be: no unknown members, no limit of 0, and always a member on duty.

use wecom::UserId;

use super::{Schedule, Shift};
use crate::field::FieldError;
use crate::field::check_userid;

/// Shifts of one schedule. Three a day for every day of the week fit; the limit keeps the channel small, for it
/// is read before every welcome.
const SHIFTS: usize = 50;
/// Holidays of one schedule: a year of them.
const HOLIDAYS: usize = 366;

impl Schedule {
    /// Checks it against `users`, the channel's members, and `limit`, the members that WeCom accepts for the kind
    /// of the channel.
    ///
    /// # Errors
    /// Names the first field at fault, below the schedule.
    pub fn check(&self, users: &[UserId], limit: usize) -> Result<(), FieldError> {
        self.check_sizes()?;
        for (at, shift) in self.shifts.iter().enumerate() {
            shift
                .check(users)
                .map_err(|fault| fault.prefixed(&format!("shifts[{at}]")))?;
        }
        self.check_limits(users)?;
        self.check_backup(users, limit)
    }

    fn check_sizes(&self) -> Result<(), FieldError> {
        for (field, size, limit) in [
            ("shifts", self.shifts.len(), SHIFTS),
            ("holidays", self.holidays.len(), HOLIDAYS),
        ] {
            if size > limit {
                let message = format!("has {size} entries, at most {limit} are allowed");
                return Err(FieldError::new(field, message));
            }
        }
        if self.shifts.is_empty() && !self.holidays.is_empty() {
            let message = "has no effect without shifts: everybody is on duty always";
            return Err(FieldError::new("holidays", message));
        }
        if self.shifts.is_empty() && !self.has_limits() {
            let message = "is empty: give shifts or a daily limit, or leave it out";
            return Err(FieldError::new("", message));
        }
        Ok(())
    }

    fn check_limits(&self, users: &[UserId]) -> Result<(), FieldError> {
        let single = self.daily_limits.iter().map(|(user, limit)| {
            let field = format!("daily_limits.{user}");
            (field, *limit, users.contains(user))
        });
        let of_all = self
            .daily_limit
            .map(|limit| ("daily_limit".into(), limit, true));
        for (field, limit, is_known) in of_all.into_iter().chain(single) {
            if !is_known {
                let message = "is not one of the channel's users: nobody else has a limit";
                return Err(FieldError::new(field, message));
            }
            if limit == 0 {
                let message = "is 0: a limit is at least 1, and who shall receive nobody is left out of users";
                return Err(FieldError::new(field, message));
            }
        }
        Ok(())
    }

    fn check_backup(&self, users: &[UserId], limit: usize) -> Result<(), FieldError> {
        if self.backup.is_empty() {
            let message =
                "is empty: name who receives the customers while all others are full or off duty";
            return Err(FieldError::new("backup", message));
        }
        for (at, user) in self.backup.iter().enumerate() {
            let field = format!("backup[{at}]");
            check_userid(&field, user)?;
            if self.backup[..at].contains(user) {
                return Err(FieldError::new(
                    field,
                    "is named twice (userids ignore case)",
                ));
            }
        }
        let more = self.backup.iter().filter(|user| !users.contains(user));
        let people = users.len() + more.count();
        if people > limit {
            let message =
                format!("makes {people} members together with users, at most {limit} are allowed");
            return Err(FieldError::new("backup", message));
        }
        Ok(())
    }
}

impl Shift {
    fn check(&self, users: &[UserId]) -> Result<(), FieldError> {
        self.when.check()?;
        let Some(named) = &self.users else {
            return Ok(());
        };
        if named.is_empty() {
            let message = "is empty: leave it out for all users of the channel";
            return Err(FieldError::new("users", message));
        }
        match named.iter().position(|user| !users.contains(user)) {
            Some(at) => {
                let message = "is not one of the channel's users: name the member there too";
                Err(FieldError::new(format!("users[{at}]"), message))
            }
            None => Ok(()),
        }
    }
}
