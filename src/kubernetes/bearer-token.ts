/** Tokens that lie in files, which the kubelet and others replace under us. */
import { readWordIfPresent } from "../settings/files.ts";
import { SettingsError } from "../settings/settings-error.ts";

/**
 * The token in a file as an Authorization header. Throws {@link SettingsError}, without the token, where there is none or it holds
 * what no header can.
 */
export function bearerFrom(tokenFile: string): { Authorization: string } {
  const token = readWordIfPresent(tokenFile);
  if (token === undefined) throw new SettingsError(`the token file ${tokenFile} is missing or empty`);
  if (!/^[\x21-\x7e]+$/.test(token)) throw new SettingsError(`the token file ${tokenFile} holds more than a token`);
  return { Authorization: `Bearer ${token}` };
}
