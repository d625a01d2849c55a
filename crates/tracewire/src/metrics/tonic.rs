//! What the layers for gRPC have to set for metrics.

use crate::metrics::on_measurement;
use crate::tonic::{ClientLayer, ServerLayer};

on_measurement!("call": [] ServerLayer, [] ClientLayer);
