//! WeCom (企业微信) customer contact: callbacks, events and a typed API client.
