//! Receive OTLP, keep the last traces, draw their waterfall.
