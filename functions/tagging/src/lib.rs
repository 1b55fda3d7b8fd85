//! Attributes a new customer to its channel, puts the tags on and counts once.
