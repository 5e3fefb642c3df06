//! Letting in a machine that runs `hookstream login`.

use domain::device::DeviceRequest;
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

#[cfg(feature = "ssr")]
use super::caller::{answer, answer_form, id};
use super::{ApiError, Form};
#[cfg(feature = "ssr")]
use crate::paths;

/// Into which project the machine is let, and what it may do there.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct DeviceForm {
    pub env: String,
    pub scope: String,
}

impl Form for DeviceForm {}

/// The machine that shows a code, if one does; what is wrong with the code otherwise.
#[server(endpoint = "device/get")]
pub async fn read_device_request(code: String) -> Result<Result<DeviceRequest, String>, ApiError> {
    answer(async |call| {
        let user = call.user()?;
        match call.gateway.device(user, &code).await {
            Ok(request) => Ok(Ok(request)),
            Err(gateway::manage::Error::Invalid(errors)) => {
                Ok(Err(errors.at("code").unwrap_or("is not known").to_owned()))
            }
            Err(gateway::manage::Error::Conflict(why)) => Ok(Err(why)),
            Err(error) => Err(error.into()),
        }
    })
    .await
}

#[server(endpoint = "device/approve")]
pub async fn approve_device(code: String, #[server(flatten)] form: DeviceForm) -> Result<(), ApiError> {
    answer_form(&form, async |call| {
        let user = call.user()?;
        let scope = form.scope.parse().map_err(|message: &str| ApiError::field("scope", message))?;
        call.gateway.approve_device(user, &code, id(&form.env)?, scope).await?;
        call.reply().go_to(&paths::device_answered("approved"));
        Ok(())
    })
    .await
}

#[server(endpoint = "device/deny")]
pub async fn deny_device(code: String) -> Result<(), ApiError> {
    answer(async |call| {
        let user = call.user()?;
        call.gateway.deny_device(user, &code).await?;
        call.reply().go_to(&paths::device_answered("denied"));
        Ok(())
    })
    .await
}
