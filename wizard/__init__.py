"""Several Azure VMs behind a load balancer: deployed, proved, and reset with proof. From Python: see `wizard.api`."""
