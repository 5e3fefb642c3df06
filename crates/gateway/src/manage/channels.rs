//! Channels of a project, to which its WebSocket destinations send and clients listen.

use domain::{destination::check_channel, permission::Permission};

use super::{Access, Error, Result};
use crate::{
    Gateway,
    hub::{Inbox, Subscription},
};

impl Gateway {
    /// Has the messages of a channel come into `inbox` until the subscription is dropped.
    pub fn subscribe(&self, access: &Access, channel: &str, inbox: &Inbox) -> Result<Subscription> {
        access.require(Permission::Read)?;
        check_channel(channel).map_err(|message| Error::invalid("channel", message))?;
        let full = || Error::Conflict("this process has as many listeners as it takes; try again later".into());
        self.inner.hub.subscribe(access.env_id(), channel, inbox).ok_or_else(full)
    }
}
