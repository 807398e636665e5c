import { isUtf8 } from 'node:buffer';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { createSecureContext, type SecureContext } from 'node:tls';

/** What a connection to Redis shows and trusts, beside its URL. Decided here without I/O. */
export interface Credentials {
  /** Undefined: what the URL says. */
  readonly password: string | undefined;
  /** Undefined: no certificate of one's own, and the authorities that Node trusts. */
  readonly secureContext: SecureContext | undefined;
}

/** What each file holds; undefined where there is none. */
export interface CredentialContents {
  readonly password: Uint8Array | undefined;
  readonly ca: Uint8Array | undefined;
  readonly cert: Uint8Array | undefined;
  readonly key: Uint8Array | undefined;
}

export type ParsedCredentials =
  | { readonly kind: 'valid'; readonly credentials: Credentials }
  /** The problem goes on from the file's name, and quotes nothing of what the file holds. */
  | { readonly kind: 'invalid'; readonly file: keyof CredentialContents; readonly problem: string };

export function parseCredentials(contents: CredentialContents): ParsedCredentials {
  const { password, ca, cert, key } = contents;
  const problems = {
    password: password && problemOfPassword(password),
    ca: ca && problemOfCertificates(ca),
    cert: cert && problemOfCertificates(cert),
    key: key && problemOfKey(key),
  };
  for (const file of ['password', 'ca', 'cert', 'key'] as const) {
    const problem = problems[file];
    if (problem !== undefined) return { kind: 'invalid', file, problem };
  }
  try {
    return {
      kind: 'valid',
      credentials: {
        password: password && textOf(password),
        secureContext: toSecureContext({ ca, cert, key }),
      },
    };
  } catch {
    return { kind: 'invalid', file: 'key', problem: 'is not the key of the certificate' };
  }
}

/** Without the end of line that every editor puts there. */
function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes)
    .toString()
    .replace(/\r?\n$/, '');
}

function problemOfPassword(bytes: Uint8Array): string | undefined {
  if (!isUtf8(bytes)) return 'is no UTF-8 text';
  const text = textOf(bytes);
  if (text === '') return 'is empty';
  return /[\r\n]/.test(text) ? 'has more than one line; keep nothing but the password' : undefined;
}

/** OpenSSL would pass over what it cannot read, and trust one authority less without a word. */
function problemOfCertificates(bytes: Uint8Array): string | undefined {
  const pem = Buffer.from(bytes).toString('latin1');
  const certificates = pem.match(/-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----/gs) ?? [];
  if (certificates.length === 0) return 'holds no certificate in PEM';
  const broken = certificates.findIndex((certificate) => !isCertificate(certificate));
  return broken < 0 ? undefined : `holds a certificate that cannot be read (number ${broken + 1})`;
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).subject !== undefined;
  } catch {
    return false;
  }
}

function problemOfKey(bytes: Uint8Array): string | undefined {
  try {
    createPrivateKey(Buffer.from(bytes));
    return undefined;
  } catch {
    const isEncrypted = Buffer.from(bytes).includes('ENCRYPTED');
    return isEncrypted
      ? 'is encrypted; keep it without a passphrase'
      : 'holds no private key in PEM';
  }
}

function toSecureContext(pems: Omit<CredentialContents, 'password'>): Credentials['secureContext'] {
  const given = Object.entries(pems).filter(([, bytes]) => bytes !== undefined);
  if (given.length === 0) return undefined;
  const buffers = given.map(([name, bytes]) => [name, Buffer.from(bytes as Uint8Array)]);
  return createSecureContext(Object.fromEntries(buffers));
}
