/**
 * Something the admin has to set right before anything can work: an unusable kubeconfig, no way to tell which cluster this is.
 * Programs end with exit code 2. The message is complete, with what was looked at and what would be right.
 */
export class SettingsError extends Error {
  override readonly name = "SettingsError";
}
