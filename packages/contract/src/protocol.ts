/**
 * The version of everything on the wire. A test pins it to a hash of the schemas: a change of the
 * wire is a decision, written down in PROTOCOL.md and CHANGELOG.md, and never an accident.
 */
export const PROTOCOL_VERSION = 1;
