//! How a cluster chooses the endpoint of a request.
