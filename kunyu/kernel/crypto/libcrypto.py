"""OpenSSL's libcrypto, for SM2 alone. 密码库.

The ``cryptography`` wheel carries its own OpenSSL but exposes no SM2, so the system's libcrypto is loaded beside it
(cffi, ABI mode: no compiler on the node). cffi lets other threads run during a call. Decision 0006.
"""

from __future__ import annotations

import ctypes.util
import os
import sys
from dataclasses import dataclass
from functools import cache
from typing import Any

from kunyu.kernel.crypto.errors import LibcryptoFailed, LibcryptoMissing

PATH_VARIABLE = "KUNYU_LIBCRYPTO"
"""Environment variable with the path of the library, where the search below would find the wrong one or none."""

_MINIMUM = (3, 0)

# Only functions, only opaque pointers: no structure layout is assumed, so 3.x and 4.x fit the same text.
_DECLARATIONS = """
typedef struct evp_pkey_st EVP_PKEY;
typedef struct evp_pkey_ctx_st EVP_PKEY_CTX;
typedef struct evp_md_st EVP_MD;
typedef struct evp_md_ctx_st EVP_MD_CTX;

unsigned int OPENSSL_version_major(void);
unsigned int OPENSSL_version_minor(void);
const char *OpenSSL_version(int type);
unsigned long ERR_get_error(void);
void ERR_error_string_n(unsigned long e, char *buf, size_t len);
void ERR_clear_error(void);
void OPENSSL_cleanse(void *ptr, size_t len);
void CRYPTO_clear_free(void *ptr, size_t num, const char *file, int line);

const EVP_MD *EVP_sm3(void);
EVP_MD_CTX *EVP_MD_CTX_new(void);
void EVP_MD_CTX_free(EVP_MD_CTX *ctx);
void EVP_MD_CTX_set_pkey_ctx(EVP_MD_CTX *ctx, EVP_PKEY_CTX *pctx);

EVP_PKEY_CTX *EVP_PKEY_CTX_new_from_name(void *libctx, const char *name, const char *propquery);
EVP_PKEY_CTX *EVP_PKEY_CTX_new(EVP_PKEY *pkey, void *engine);
void EVP_PKEY_CTX_free(EVP_PKEY_CTX *ctx);
int EVP_PKEY_CTX_set1_id(EVP_PKEY_CTX *ctx, const void *id, int len);
int EVP_PKEY_keygen_init(EVP_PKEY_CTX *ctx);
int EVP_PKEY_generate(EVP_PKEY_CTX *ctx, EVP_PKEY **ppkey);
void EVP_PKEY_free(EVP_PKEY *pkey);
int EVP_PKEY_is_a(const EVP_PKEY *pkey, const char *name);
int EVP_PKEY_public_check(EVP_PKEY_CTX *ctx);
int EVP_PKEY_pairwise_check(EVP_PKEY_CTX *ctx);

int EVP_DigestSignInit(EVP_MD_CTX *ctx, EVP_PKEY_CTX **pctx, const EVP_MD *type, void *e, EVP_PKEY *pkey);
int EVP_DigestSign(EVP_MD_CTX *ctx, unsigned char *sig, size_t *siglen, const unsigned char *tbs, size_t tbslen);
int EVP_DigestVerifyInit(EVP_MD_CTX *ctx, EVP_PKEY_CTX **pctx, const EVP_MD *type, void *e, EVP_PKEY *pkey);
int EVP_DigestVerify(EVP_MD_CTX *ctx, const unsigned char *sig, size_t siglen, const unsigned char *tbs,
                     size_t tbslen);
int EVP_PKEY_encrypt_init(EVP_PKEY_CTX *ctx);
int EVP_PKEY_encrypt(EVP_PKEY_CTX *ctx, unsigned char *out, size_t *outlen, const unsigned char *in, size_t inlen);
int EVP_PKEY_decrypt_init(EVP_PKEY_CTX *ctx);
int EVP_PKEY_decrypt(EVP_PKEY_CTX *ctx, unsigned char *out, size_t *outlen, const unsigned char *in, size_t inlen);

EVP_PKEY *d2i_AutoPrivateKey(EVP_PKEY **a, const unsigned char **pp, long length);
EVP_PKEY *d2i_PUBKEY(EVP_PKEY **a, const unsigned char **pp, long length);
int i2d_PUBKEY(EVP_PKEY *a, unsigned char **pp);
int i2d_PrivateKey(EVP_PKEY *a, unsigned char **pp);
"""


@dataclass(frozen=True)
class Libcrypto:
    """The loaded library: cffi's ``ffi`` and ``lib``, and where and what it is."""

    ffi: Any
    lib: Any
    path: str
    version: str


def candidates() -> tuple[str, ...]:
    """Return the names tried in turn: the variable first, then the system's usual names, newest first.

    When the variable is set nothing else is tried: a node told to use one library must not silently use another.
    """
    if chosen := os.environ.get(PATH_VARIABLE):
        return (chosen,)
    found = ctypes.util.find_library("crypto")
    names = {
        "win32": ("libcrypto-4-x64.dll", "libcrypto-3-x64.dll", "libcrypto-3.dll"),
        "darwin": (
            "/opt/homebrew/opt/openssl@3/lib/libcrypto.3.dylib",
            "/usr/local/opt/openssl@3/lib/libcrypto.3.dylib",
        ),
    }.get(sys.platform, ("libcrypto.so.3", "libcrypto.so.4"))
    # macOS's own libcrypto is not OpenSSL and aborts the process that loads it
    return (*names, *((found,) if found and sys.platform != "darwin" else ()))


@cache
def load() -> Libcrypto:
    """Load libcrypto once per process.

    Raises
    ------
    LibcryptoMissing
        When no library is found, it is older than 3.0, or it was built without SM2. Says what still works.
    """
    tried: list[str] = []
    try:
        import cffi
    except ImportError as error:
        raise _missing(("cffi: pip install 'kunyu[node]'",)) from error
    ffi = cffi.FFI()
    ffi.cdef(_DECLARATIONS)
    for name in candidates():
        try:
            return _open(ffi, name)
        except (OSError, AttributeError, ValueError) as error:
            tried.append(f"{name}: {error}")
    raise _missing(tuple(tried))


def _open(ffi: Any, name: str) -> Libcrypto:
    lib = ffi.dlopen(name)
    version = (lib.OPENSSL_version_major(), lib.OPENSSL_version_minor())
    if version < _MINIMUM:
        raise ValueError(f"OpenSSL {version[0]}.{version[1]} < 3.0")
    context = lib.EVP_PKEY_CTX_new_from_name(ffi.NULL, b"SM2", ffi.NULL)
    if context == ffi.NULL:
        lib.ERR_clear_error()
        raise ValueError("built without SM2")
    lib.EVP_PKEY_CTX_free(context)
    return Libcrypto(ffi, lib, name, ffi.string(lib.OpenSSL_version(0)).decode("ascii"))


def _missing(tried: tuple[str, ...]) -> LibcryptoMissing:
    listing = "; ".join(tried)
    return LibcryptoMissing(
        f"本机没有带SM2的OpenSSL 3 (已试: {listing})。SM2签名、加解密不可用; SM3摘要、SM4和SM2验签仍可用。"
        f"请安装OpenSSL 3.0以上, 或用环境变量 {PATH_VARIABLE} 指明libcrypto的路径。",
        f"This machine has no OpenSSL 3 with SM2 (tried: {listing}). SM2 signing, encryption and decryption are not "
        f"available; SM3, SM4 and SM2 verification still are. Install OpenSSL 3.0 or later, or name its libcrypto in "
        f"{PATH_VARIABLE}.",
        tried=list(tried),
    )


def failure(crypto: Libcrypto, act: str) -> LibcryptoFailed:
    """Return the error for a failed call, with OpenSSL's own reasons (never data); empties this thread's error queue."""
    reasons = []
    buffer = crypto.ffi.new("char[256]")
    while number := crypto.lib.ERR_get_error():
        crypto.lib.ERR_error_string_n(number, buffer, 256)
        reasons.append(crypto.ffi.string(buffer).decode("ascii", "replace"))
    text = "; ".join(reasons) or "no reason given"
    return LibcryptoFailed(
        f"{crypto.version} 的 {act} 失败: {text}。请检查密码库安装。",
        f"{act} failed in {crypto.version}: {text}. Check the installation of the library.",
        act=act,
    )
