// Serverless stacks: a trigger together with the functions that depend on it, released as one, on AWS or on Tidegate's own runtime.
package tidegate
