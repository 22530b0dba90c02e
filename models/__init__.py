"""What we compute, as pure functions: numpy, scipy, TensorFlow. No Beam, no cloud."""
