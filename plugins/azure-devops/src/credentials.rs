use forgekeep_plugin_sdk::{
    Auth, OAuthClient, Result, Secret, Source, address, first_filled, token,
};

/// Where Entra gives tokens.
pub(crate) const ENTRA: &str = "https://login.microsoftonline.com";

/// What a source has to show: what it is, in a few words, and itself; or a service principal.
pub(crate) fn of(source: &Source) -> Result<(&'static str, Auth, Option<OAuthClient>)> {
    let text = |key| source.text(key).unwrap_or_default().trim();
    if let Some(secret) = source.secret("clientSecret") {
        let base = first_filled(&[text("oauthUrl"), ENTRA]);
        let secret = Secret::new(secret.expose().trim());
        let client = OAuthClient {
            url: address(base, &[text("tenantId"), "oauth2", "v2.0", "token"], &[])?,
            auth: Auth::basic(text("clientId"), &secret),
            // All that a principal may do in Azure DevOps, by its id at Entra.
            scope: "499b84ac-1321-427f-aa17-267ca6975798/.default".to_owned(),
            advice: "check tenantId, clientId and clientSecret: a client secret ends on a date, see Certificates & secrets of the app registration".to_owned(),
        };
        return Ok(("Entra token", Auth::None, Some(client)));
    }
    let Some(token) = token(source) else {
        return Ok(("no credentials", Auth::None, None));
    };
    // A JSON Web Token, of Entra or of a pipeline. A personal one is no bearer.
    if token.expose().starts_with("eyJ") && token.expose().contains('.') {
        return Ok(("access token", Auth::bearer(&token), None));
    }
    let user = first_filled(&[&source.auth_name, "pat"]);
    Ok(("personal access token", Auth::basic(user, &token), None))
}
