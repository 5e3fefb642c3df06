//! SQS, S3 and EventBridge: moto, with its checks of signatures and policies on.

mod eventbridge;
mod moto;
mod s3;
mod sqs;
