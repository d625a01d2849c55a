mod call_sites;
