//! SQS, S3 and EventBridge: moto, with its checks of signatures and policies on; and `SeaweedFS`, which looks at S3's dates,
//! bodies and addresses more closely.

mod eventbridge;
mod moto;
mod s3;
mod s3_strict;
mod sqs;
