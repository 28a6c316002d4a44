"""The CDISC SDTM/ADaM Pilot Project's trial of transdermal xanomeline, derived anew from its own SDTM."""
