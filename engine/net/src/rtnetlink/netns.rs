//! Namespaces: `ip netns add`, `delete`, and the ids by which namespaces know one another.
