//! AWS X-Ray's `x-amzn-trace-id`.

use tracewire::Format;

use crate::{check, check_refused};

const ROOT: &str = "Root=1-5759e988-bd862e3fe1be46a994272793";
const PARENT: &str = "Parent=53995c3f42cd8ad8";

#[test]
fn keys_in_any_order_among_others() {
    let sent = |sampled: &str| format!("x-amzn-trace-id: {ROOT};{PARENT}{sampled}");
    let cases = [
        (format!("{ROOT};{PARENT};Sampled=1"), sent(";Sampled=1")),
        (format!("{ROOT};{PARENT};Sampled=0"), sent(";Sampled=0")),
        (format!("Sampled=1;{PARENT};{ROOT}"), sent(";Sampled=1")),
        (format!(" {ROOT} ;\t{PARENT} ; Sampled=1;\t"), sent(";Sampled=1")),
        // the caller leaves the decision to us
        (format!("{ROOT};{PARENT};Sampled=?"), sent("")),
        (format!("{ROOT};{PARENT}"), sent("")),
        (format!("{ROOT};{PARENT};Sampled=yes"), sent("")),
        (format!("{ROOT};{PARENT};Sampled="), sent("")),
        // other keys
        (
            format!("Self=1-67891234-12456789abcdef012345678;{ROOT};{PARENT};Sampled=1"),
            sent(";Sampled=1"),
        ),
        (
            format!("{ROOT};CalledFrom=app;{PARENT};;=;Lineage=a87bd80c:1|68fd508a:5;Sampled=0"),
            sent(";Sampled=0"),
        ),
        (
            format!("{ROOT};{PARENT};Sampled=1").replace("bd862e3fe1be46a9", "BD862E3FE1BE46A9"),
            sent(";Sampled=1"),
        ),
    ];
    for (received, sent) in cases {
        let received = format!("X-Amzn-Trace-Id: {received}");
        check(&[Format::XRay], &[(&[&received], &[&sent])]);
    }
}

#[test]
fn malformed_is_refused() {
    let with_parent = |root: &str| format!("{root};{PARENT};Sampled=1");
    let refused = [
        String::new(),
        ";;;".to_owned(),
        // what a load balancer sends has no parent, so there is nothing to be a child of
        ROOT.to_owned(),
        format!("{ROOT};Sampled=1"),
        with_parent("Self=1-5759e988-bd862e3fe1be46a994272793"),
        with_parent("root=1-5759e988-bd862e3fe1be46a994272793"),
        with_parent("Root=2-5759e988-bd862e3fe1be46a994272793"),
        with_parent("Root=1-5759e98-bd862e3fe1be46a994272793"),
        with_parent("Root=1-5759e988-bd862e3fe1be46a99427279"),
        with_parent("Root=1-5759e988-bd862e3fe1be46a9942727930"),
        with_parent("Root=1-5759e9889bd862e3fe1be46a994272793"),
        with_parent("Root=1-5759e98-8bd862e3fe1be46a994272793"),
        with_parent("Root=1-5759e98g-bd862e3fe1be46a994272793"),
        with_parent("Root=1-5759e988-bd862e3fe1be46a99427279g"),
        with_parent("Root=1-00000000-000000000000000000000000"),
        with_parent("Root=1"),
        with_parent("Root="),
        with_parent("Root"),
        format!("{ROOT};Parent=0000000000000000;Sampled=1"),
        format!("{ROOT};Parent=53995c3f42cd8ad;Sampled=1"),
        format!("{ROOT};Parent=53995c3f42cd8ad80;Sampled=1"),
        format!("{ROOT};Parent=;Sampled=1"),
        format!("{ROOT};Parent=53995c3f42cd8adx;Sampled=1"),
        format!("{ROOT},{PARENT},Sampled=1"),
    ];
    let refused: Vec<_> = refused.iter().map(String::as_str).collect();
    check_refused(Format::XRay, "x-amzn-trace-id", &refused);
}
