//! What the layers over HTTP have to set for metrics.

use crate::http::{ClientLayerFor, Framework, ServerLayerFor};
use crate::metrics::on_measurement;

on_measurement!("request": [F: Framework] ServerLayerFor<F>, [F: Framework] ClientLayerFor<F>);
