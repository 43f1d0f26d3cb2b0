import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;

/** Makes a JDK's trust store of a file with certificates: {@code JDKCertificates FROM.pem TO}. */
class JDKCertificates {
    public static void main(String[] arguments) throws Exception {
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, null);
        try (var from = new FileInputStream(arguments[0])) {
            int number = 0;
            for (Certificate certificate : CertificateFactory.getInstance("X.509").generateCertificates(from)) {
                store.setCertificateEntry("ca-" + number++, certificate);
            }
        }
        try (var to = new FileOutputStream(arguments[1])) {
            store.store(to, "changeit".toCharArray());
        }
    }
}
