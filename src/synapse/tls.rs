//! Encryption on the way to PostgreSQL, and what the server must show, as libpq's `sslmode` says it:
//! <https://www.postgresql.org/docs/current/libpq-ssl.html>.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::error::Error;

/// What the server must show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verify {
    /// Nothing is encrypted.
    Plain,
    /// It is encrypted if the server can.
    Prefer,
    /// It is encrypted, whoever the server is.
    Nothing,
    /// Its certificate is of an authority that is trusted.
    Authority(Roots),
    /// … and has its name in it.
    Full(Roots),
}

/// Who is trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Roots {
    /// The certificates in a file.
    File(PathBuf),
    /// Those of the system.
    System,
}

impl Roots {
    fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, Error> {
        match self {
            Self::File(path) => {
                let shown = path.display();
                let failed = |error: &dyn std::fmt::Display| {
                    Error::new(format!("the root certificates in {shown} cannot be read: {error}"))
                };
                let certificates = CertificateDer::pem_file_iter(path).map_err(|error| failed(&error))?;
                let certificates =
                    certificates.collect::<Result<Vec<_>, _>>().map_err(|error| failed(&error))?;
                if certificates.is_empty() {
                    return Err(failed(&"there is none in it"));
                }
                Ok(certificates)
            }
            Self::System => {
                let found = rustls_native_certs::load_native_certs();
                if found.certs.is_empty() {
                    return Err(Error::new("the system has no root certificates")
                        .hint("name a file of them: sslrootcert=FILE"));
                }
                Ok(found.certs)
            }
        }
    }
}

/// What connects with encryption.
pub(super) fn connector(verify: &Verify) -> Result<MakeRustlsConnect, Error> {
    let provider = Arc::new(ring::default_provider());
    let verifier = Verifier::new(verify, Arc::clone(&provider))?;
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::new(format!("there is no way to encrypt: {error}")))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

/// Checks certificates as far as asked for.
#[derive(Debug)]
struct Verifier {
    provider: Arc<CryptoProvider>,
    /// `None`: any certificate will do.
    chains: Option<Chains>,
    names: bool,
}

#[derive(Debug)]
struct Chains {
    webpki: Arc<WebPkiServerVerifier>,
    roots: Vec<CertificateDer<'static>>,
}

impl Verifier {
    fn new(verify: &Verify, provider: Arc<CryptoProvider>) -> Result<Self, Error> {
        let (roots, names) = match verify {
            Verify::Plain | Verify::Prefer | Verify::Nothing => {
                return Ok(Self { provider, chains: None, names: false });
            }
            Verify::Authority(roots) => (roots.certificates()?, false),
            Verify::Full(roots) => (roots.certificates()?, true),
        };
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(roots.iter().cloned());
        let webpki = WebPkiServerVerifier::builder_with_provider(Arc::new(store), Arc::clone(&provider))
            .build()
            .map_err(|error| Error::new(format!("the root certificates are not usable: {error}")))?;
        Ok(Self { provider, chains: Some(Chains { webpki, roots }), names })
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        use rustls::CertificateError::{NotValidForName, NotValidForNameContext};
        let Some(chains) = &self.chains else { return Ok(ServerCertVerified::assertion()) };
        if chains.roots.iter().any(|root| root == certificate) {
            // Signed by nobody but itself, and trusted as it is: what OpenSSL accepts and webpki does not.
            if self.names {
                verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
            }
            return Ok(ServerCertVerified::assertion());
        }
        // The name is looked at last, when all the rest is as it should be.
        match chains.webpki.verify_server_cert(certificate, intermediates, name, ocsp, now) {
            Err(rustls::Error::InvalidCertificate(NotValidForName | NotValidForNameContext { .. }))
                if !self.names =>
            {
                Ok(ServerCertVerified::assertion())
            }
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
