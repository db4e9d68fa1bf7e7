/**
 * A software certificate in the browser: opens the encrypted key on this machine and signs with it. Nothing of the key
 * and nothing of the passphrase leaves the page. 软证书.
 *
 * The key file is PKCS#8 (RFC 5958) under PBES2: PBKDF2 with HMAC-SHA-256 and SM4-CBC, as `kunyu soft-token create`
 * writes it. PBKDF2 runs in the browser's own cryptography, SM4 and SM2 in sm-crypto.
 */
import { BigInteger } from 'jsbn';
import { sm2, sm4 } from 'sm-crypto';
import { t } from './language';

const OIDS = {
  pbes2: '2a864886f70d01050d',
  pbkdf2: '2a864886f70d01050c',
  hmacSha256: '2a864886f70d0209',
  sm4Cbc: '2a811ccf55016802',
} as const;
const MOST_ITERATIONS = 10_000_000;

export interface SoftToken {
  /** encrypted PKCS#8, DER */
  readonly key: Uint8Array;
  /** the person's certificate, PEM */
  readonly certificate: string;
}

/** An element of DER: its tag and what it holds. */
interface Element {
  readonly tag: number;
  readonly content: Uint8Array;
}

/** What a sentence for the person says went wrong. */
export class SoftTokenError extends Error {}

/** Key and certificate from the texts of the files that the person chose, in any order, in one file or several. */
export function readFiles(texts: readonly string[]): SoftToken {
  const whole = texts.join('\n');
  const key = /-----BEGIN ENCRYPTED PRIVATE KEY-----([\sA-Za-z0-9+/=]+)-----END ENCRYPTED PRIVATE KEY-----/.exec(whole);
  const certificate = /-----BEGIN CERTIFICATE-----[\sA-Za-z0-9+/=]+-----END CERTIFICATE-----/.exec(whole);
  if (!key?.[1]) {
    throw new SoftTokenError(
      t('所选文件中没有加密的私钥（ENCRYPTED PRIVATE KEY）。', 'The files hold no encrypted private key (ENCRYPTED PRIVATE KEY).'),
    );
  }
  if (!certificate) {
    throw new SoftTokenError(
      t('所选文件中没有证书；请同时选择签发机构给您的证书文件。', 'The files hold no certificate; also choose the one that was issued to you.'),
    );
  }
  const binary = atob(key[1].replace(/\s/g, ''));
  return { key: Uint8Array.from(binary, (letter) => letter.charCodeAt(0)), certificate: certificate[0] };
}

/** The SM2 signature (DER, Base64) over `message` with the key that `passphrase` opens. */
export async function sign(token: SoftToken, passphrase: string, message: string): Promise<string> {
  const secret = await privateKey(token.key, passphrase);
  const publicKey = sm2.getPublicKeyFromPrivateKey(secret);
  const signature = sm2.doSignature(message, secret, { der: true, hash: true, publicKey, pointPool: [oneTimePoint()] });
  return btoa(String.fromCharCode(...bytesOf(signature)));
}

/** k and k·G from the browser's generator: sm-crypto's own would be stretched from one seed. */
function oneTimePoint(): { k: BigInteger; x1: BigInteger } {
  const random = hex(crypto.getRandomValues(new Uint8Array(48)));
  const pair = sm2.generateKeyPairHex(random, 16);
  return { k: new BigInteger(pair.privateKey, 16), x1: new BigInteger(pair.publicKey.slice(2, 66), 16) };
}

async function privateKey(encrypted: Uint8Array, passphrase: string): Promise<string> {
  const { salt, iterations, iv, content } = readEncrypted(encrypted);
  if (!globalThis.crypto?.subtle) {
    throw new SoftTokenError(
      t('浏览器只在 https 或 localhost 上允许使用证书。', 'Browsers allow certificates on https or localhost only.'),
    );
  }
  const base = await crypto.subtle.importKey('raw', new TextEncoder().encode(passphrase), 'PBKDF2', false, ['deriveBits']);
  const bits = await crypto.subtle.deriveBits(
    { name: 'PBKDF2', hash: 'SHA-256', salt: salt as BufferSource, iterations },
    base,
    128,
  );
  try {
    const options = { mode: 'cbc', iv: [...iv], padding: 'pkcs#7', output: 'array' } as const;
    return secretOf(Uint8Array.from(sm4.decrypt([...content], [...new Uint8Array(bits)], options)));
  } catch {
    throw new SoftTokenError(t('口令不对，或私钥文件已损坏。', 'Wrong passphrase, or a damaged key file.'));
  }
}

interface Encrypted {
  readonly salt: Uint8Array;
  readonly iterations: number;
  readonly iv: Uint8Array;
  readonly content: Uint8Array;
}

function readEncrypted(der: Uint8Array): Encrypted {
  try {
    const [algorithm, encrypted] = children(one(der, 0x30));
    const [scheme, parameters] = children(algorithm);
    const [derivation, cipher] = children(parameters);
    const [kdf, kdfParameters] = children(derivation);
    const [cipherName, iv] = children(cipher);
    const [salt, count, ...rest] = children(kdfParameters);
    const prf = children(rest[rest.length - 1])[0];
    const iterations = [...(count?.content ?? [])].reduce((sum, byte) => sum * 256 + byte, 0);
    const known =
      name(scheme) === OIDS.pbes2 && name(kdf) === OIDS.pbkdf2 && name(cipherName) === OIDS.sm4Cbc && name(prf) === OIDS.hmacSha256;
    if (!known || !salt || !iv || !encrypted || iterations < 1 || iterations > MOST_ITERATIONS) throw new Error('other');
    return { salt: salt.content, iterations, iv: iv.content, content: encrypted.content };
  } catch {
    throw new SoftTokenError(
      t(
        '浏览器读不了这种私钥文件。请使用 kunyu soft-token create 生成的文件（PKCS#8，SM4-CBC，PBKDF2 HMAC-SHA-256）。',
        'The browser cannot read this key file. Use one that kunyu soft-token create wrote (PKCS#8, SM4-CBC, PBKDF2 with HMAC-SHA-256).',
      ),
    );
  }
}

/** The number d, 64 hexadecimal digits, out of PrivateKeyInfo holding an ECPrivateKey (SEC 1). */
function secretOf(info: Uint8Array): string {
  const key = children(one(info, 0x30))[2];
  const secret = key && children(one(key.content, 0x30))[1]?.content;
  if (!secret || secret.length !== 32) throw new Error('no SM2 key');
  return hex(secret);
}

function name(element: Element | undefined): string {
  return element?.tag === 0x06 ? hex(element.content) : '';
}

function one(der: Uint8Array, tag: number): Element {
  const [found] = elements(der);
  if (found?.tag !== tag) throw new Error('not DER');
  return found;
}

function children(element: Element | undefined): Element[] {
  if (element?.tag !== 0x30) throw new Error('no sequence');
  return elements(element.content);
}

function elements(der: Uint8Array): Element[] {
  const found: Element[] = [];
  for (let at = 0; at < der.length; ) {
    const tag = der[at++] ?? 0;
    let length = der[at++] ?? 0;
    if (length & 0x80) {
      let more = length & 0x7f;
      if (more < 1 || more > 4) throw new Error('length');
      for (length = 0; more > 0; more--) length = length * 256 + (der[at++] ?? 0);
    }
    if (at + length > der.length) throw new Error('cut');
    found.push({ tag, content: der.subarray(at, at + length) });
    at += length;
  }
  return found;
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}
