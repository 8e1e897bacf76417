// Generated from the gateway's OpenAPI description by `npm run client`.

export interface paths {
  '/v1/captchas': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    get?: never
    put?: never
    /**
     * Create Captcha
     * @description Make an image captcha, to be solved before another code is sent.
     */
    post: operations['create_captcha_v1_captchas_post']
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/login/codes': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    get?: never
    put?: never
    /**
     * Request Login Code
     * @description 发送验证码: send a login code by SMS, for either login.
     */
    post: operations['request_login_code_v1_login_codes_post']
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/login': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    get?: never
    put?: never
    /**
     * Login
     * @description 个人用户登录: turn the code into a session, kept in an HttpOnly cookie.
     */
    post: operations['login_v1_login_post']
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/login/enterprise': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    get?: never
    put?: never
    /**
     * Start Enterprise Login
     * @description 企业用户登录, first half: the code is used up, and the companies for which the phone is a signer are named.
     */
    post: operations['start_enterprise_login_v1_login_enterprise_post']
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/login/enterprise/company': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    get?: never
    put?: never
    /**
     * Finish Enterprise Login
     * @description 企业用户登录, second half: turn the ticket and the chosen company into a session, kept in an HttpOnly cookie.
     */
    post: operations['finish_enterprise_login_v1_login_enterprise_company_post']
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/logout': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    get?: never
    put?: never
    /**
     * Logout
     * @description 安全退出: end the session and drop the cookie. Without a session nothing happens.
     */
    post: operations['logout_v1_logout_post']
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/me': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /**
     * Me
     * @description Who is signed in (盖章人), and for which company.
     */
    get: operations['me_v1_me_get']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/sessions': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /**
     * List Sessions
     * @description Where the person is signed in.
     */
    get: operations['list_sessions_v1_sessions_get']
    put?: never
    post?: never
    /**
     * Revoke Other Sessions
     * @description End all of the person's sessions but this one.
     */
    delete: operations['revoke_other_sessions_v1_sessions_delete']
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/sessions/{session_id}': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    get?: never
    put?: never
    post?: never
    /**
     * Revoke Session
     * @description End one of the person's sessions; one that is not there is no error.
     */
    delete: operations['revoke_session_v1_sessions__session_id__delete']
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/me/export': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /**
     * Export Personal Data
     * @description Everything that the platform keeps about the person (个人信息保护法 第四十五条), as a file.
     */
    get: operations['export_personal_data_v1_me_export_get']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/consents/terms': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    get?: never
    put?: never
    /**
     * Accept Terms
     * @description Keep that the person accepted 平台服务协议与个人信息保护政策, with text version, time and device.
     */
    post: operations['accept_terms_v1_consents_terms_post']
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/consents/{kind}': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /**
     * Get Consent Text
     * @description The text in force that a person is asked to accept.
     */
    get: operations['get_consent_text_v1_consents__kind__get']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/contracts': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /**
     * List Contracts
     * @description The contracts to which the signed-in person is a party, newest first.
     */
    get: operations['list_contracts_v1_contracts_get']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/contracts/{contract_id}': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /**
     * Get Contract
     * @description One contract.
     */
    get: operations['get_contract_v1_contracts__contract_id__get']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/contracts/{contract_id}/pages/{number}': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /**
     * Get Page
     * @description The image of one page of the document as it stands now; the viewer and the hour are drawn into it.
     */
    get: operations['get_page_v1_contracts__contract_id__pages__number__get']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/contracts/{contract_id}/downloads': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    get?: never
    put?: never
    /**
     * Download
     * @description 下载: the completed file, once. A download that did not arrive whole has not been used up: start it again.
     *
     *     `Download-Id` names it for its receipt.
     */
    post: operations['download_v1_contracts__contract_id__downloads_post']
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/contracts/{contract_id}/downloads/{download_id}/receipt': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    get?: never
    put?: never
    /**
     * Confirm Receipt
     * @description The reader has the whole file, which uses the download up even when the platform did not see it arrive.
     */
    post: operations['confirm_receipt_v1_contracts__contract_id__downloads__download_id__receipt_post']
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/contracts/{contract_id}/evidence': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /**
     * Get Evidence
     * @description 合同查验: 存证信息.
     */
    get: operations['get_evidence_v1_contracts__contract_id__evidence_get']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/contracts/{contract_id}/evidence/package': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /**
     * Get Evidence Package
     * @description The evidence package: a zip that proves itself without this platform.
     */
    get: operations['get_evidence_package_v1_contracts__contract_id__evidence_package_get']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/contracts/{contract_id}/verifications': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    get?: never
    put?: never
    /**
     * Start Verification
     * @description 签章: open the person's verification for this contract and its present document.
     */
    post: operations['start_verification_v1_contracts__contract_id__verifications_post']
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/verifications/{verification_id}': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /**
     * Get Verification
     * @description Where the verification stands: 身份信息 → 人脸识别 → 核验完成.
     */
    get: operations['get_verification_v1_verifications__verification_id__get']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/verifications/{verification_id}/codes': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    get?: never
    put?: never
    /**
     * Send Verification Code
     * @description Send the verification's SMS code to the person's registered phone.
     */
    post: operations['send_verification_code_v1_verifications__verification_id__codes_post']
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/verifications/{verification_id}/code': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    get?: never
    put?: never
    /**
     * Confirm Verification Code
     * @description Check the SMS code: step 1 of 2.
     */
    post: operations['confirm_verification_code_v1_verifications__verification_id__code_post']
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/verifications/{verification_id}/face-channels': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /**
     * List Face Channels
     * @description Which channels the face check may use, and which of them can be used now.
     */
    get: operations['list_face_channels_v1_verifications__verification_id__face_channels_get']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/verifications/{verification_id}/events': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /**
     * Watch Verification
     * @description Follow a verification by server-sent events, while the phone does its part. At most 3 streams of one session.
     */
    get: operations['watch_verification_v1_verifications__verification_id__events_get']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/verifications/{verification_id}/face': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    get?: never
    put?: never
    /**
     * Start Face Check
     * @description Open a face check: step 2 of 2, done on the phone.
     */
    post: operations['start_face_check_v1_verifications__verification_id__face_post']
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/verifications/{verification_id}/face/{face_check_id}/result': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    get?: never
    put?: never
    /**
     * Complete Face Check
     * @description Have the platform ask the vendor for the result; while the person is still at it, the state does not change.
     */
    post: operations['complete_face_check_v1_verifications__verification_id__face__face_check_id__result_post']
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/contracts/{contract_id}/signatures': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    get?: never
    put?: never
    /**
     * Confirm Signing
     * @description 结束签章 → 是: turn the verification into one signature. The same request again is answered with the contract as it stands.
     */
    post: operations['confirm_signing_v1_contracts__contract_id__signatures_post']
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/seals/handwritten': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    get?: never
    put?: never
    /**
     * Create Handwritten Signature
     * @description Keep a handwritten signature (PNG with transparency) as the person's seal. The same image again is the same seal.
     */
    post: operations['create_handwritten_signature_v1_seals_handwritten_post']
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/seals/name': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    get?: never
    put?: never
    /**
     * Create Name Seal
     * @description 个人名章: draw a seal with the person's own name. Again, it is the same seal.
     */
    post: operations['create_name_seal_v1_seals_name_post']
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/seals': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /**
     * List Seals
     * @description The seals with which the person may sign.
     */
    get: operations['list_seals_v1_seals_get']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/seals/{seal_id}/image': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /**
     * Get Seal Image
     * @description The picture of a seal with which the person may sign, on a transparent ground.
     */
    get: operations['get_seal_image_v1_seals__seal_id__image_get']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/face-relays/{token}/open': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    get?: never
    put?: never
    /**
     * Open Face Relay
     * @description The phone is here. The first device to say so holds the check from then on; it may say so again.
     */
    post: operations['open_face_relay_v1_face_relays__token__open_post']
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/face-relays/{token}/frames': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    get?: never
    put?: never
    /**
     * Submit Face Frames
     * @description Our own channel: the frames of the present challenge; answered with the next one, or the outcome. No frame is kept.
     */
    post: operations['submit_face_frames_v1_face_relays__token__frames_post']
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/face-relays/{token}/result': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    get?: never
    put?: never
    /**
     * Finish Face Relay
     * @description The phone is back from the vendor's page: have the platform ask the vendor.
     */
    post: operations['finish_face_relay_v1_face_relays__token__result_post']
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/sso/procurement': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    get?: never
    put?: never
    /**
     * Sign On From Procurement
     * @description Turn the token of a form on the platform's page into a session. The answer is a page that moves on to 申请证书 by itself:
     *     after a redirect the browser would still count the request as cross-site, and keep the new cookie back.
     */
    post: operations['sign_on_from_procurement_sso_procurement_post']
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/public/validations': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    get?: never
    put?: never
    /**
     * Validate Document
     * @description 在线验证: each signature of a PDF, and whether the document was changed afterwards. The file is not kept.
     */
    post: operations['validate_document_v1_public_validations_post']
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/public/validations/reports': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    get?: never
    put?: never
    /**
     * Print Validation Report
     * @description 在线验证: the report on a PDF as a PDF to keep. The file is not kept.
     */
    post: operations['print_validation_report_v1_public_validations_reports_post']
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/public/evidence/{number}/checks': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    get?: never
    put?: never
    /**
     * Check Evidence
     * @description 查询核验: whether a file, or a text by its hash, is what the evidence of this number says. The file does not go further.
     */
    post: operations['check_evidence_v1_public_evidence__number__checks_post']
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/public/support': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /**
     * Get Support
     * @description Whom people may call when they cannot go on.
     */
    get: operations['get_support_v1_public_support_get']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/public/trust-roots': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /**
     * Get Trust Roots
     * @description The roots that this platform trusts, for other people's validators.
     */
    get: operations['get_trust_roots_v1_public_trust_roots_get']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/public/log/checkpoint': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /**
     * Get Checkpoint
     * @description The transparency log's newest checkpoint (C2SP tlog-checkpoint).
     */
    get: operations['get_checkpoint_v1_public_log_checkpoint_get']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/v1/public/log/tile/{path}': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /**
     * Get Tile
     * @description A tile of the transparency log (C2SP tlog-tiles): at most 256 hashes of 32 bytes. A tile never changes.
     */
    get: operations['get_tile_v1_public_log_tile__path__get']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
}
export type webhooks = Record<string, never>
export interface components {
  schemas: {
    /**
     * Acceptance
     * @description The text that the person was shown and accepted.
     */
    Acceptance: {
      /** Version */
      version: string
      /**
       * Sha256
       * @description SHA-256, 64 lower-case hex digits.
       */
      sha256: string
    }
    /** Body_sign_on_from_procurement_sso_procurement_post */
    Body_sign_on_from_procurement_sso_procurement_post: {
      /**
       * Token
       * @description The platform's signed token, good once.
       */
      token: string
    }
    /**
     * Captcha
     * @description 验证码: letters and digits in an image; case does not matter. Good once.
     */
    Captcha: {
      /** Captcha Id */
      captcha_id: string
      /**
       * Image
       * @description PNG, as a `data:` URL.
       * @example data:image/png;base64,iVBORw0…
       */
      image: string
      /**
       * Expires At
       * Format: date-time
       */
      expires_at: string
    }
    /**
     * ChainCertificate
     * @description A certificate of a chain.
     */
    ChainCertificate: {
      /** Subject */
      subject: string
      /** Issuer */
      issuer: string
      /** Serial Number */
      serial_number: string
      /**
       * Sha256
       * @description SHA-256, 64 lower-case hex digits.
       */
      sha256: string
      /** Not Before */
      not_before: string | null
      /** Not After */
      not_after: string | null
      revocation: components['schemas']['Revocation'] | null
    }
    /**
     * Change
     * @description What an incremental update did after the signature.
     */
    Change: {
      /**
       * Kind
       * @example signature
       * @example timestamp
       * @example annotation
       */
      kind: string
      /** Allowed */
      allowed: boolean
      /**
       * Revision
       * @description Of the file, from 1.
       */
      revision: number
      /** Page */
      page: number | null
      /** Detail */
      detail: string
      /**
       * Objects
       * @description Numbers of the PDF objects.
       */
      objects: number[]
      /** Text */
      text: string
    }
    /**
     * CodeConfirmation
     * @description The SMS code that the person typed.
     */
    CodeConfirmation: {
      /**
       * Code
       * @description The code from the SMS.
       * @example 123456
       */
      code: string
    }
    /**
     * CodeSent
     * @description A code is on its way; for a login the answer is the same whether the phone is known or not.
     */
    CodeSent: {
      /**
       * Expires At
       * Format: date-time
       */
      expires_at: string
      /**
       * Retry After Seconds
       * @description Seconds before another code may be requested.
       */
      retry_after_seconds: number
    }
    /**
     * CompanyChoice
     * @description The chosen company.
     */
    CompanyChoice: {
      /** Ticket */
      ticket: string
      /** Organisation Id */
      organisation_id: string
    }
    /**
     * ConsentKind
     * @description What a person accepts: 生物特征信息使用声明, or 平台服务协议与个人信息保护政策.
     * @enum {string}
     */
    ConsentKind: 'biometric' | 'terms'
    /**
     * ConsentText
     * @description A text that people are asked to accept, as it is in force.
     */
    ConsentText: {
      kind: components['schemas']['ConsentKind']
      /**
       * Version
       * @description Named when it is accepted.
       */
      version: string
      /** Title */
      title: string
      /**
       * Text
       * @description Chinese; paragraphs are separated by empty lines.
       */
      text: string
      /**
       * Sha256
       * @description SHA-256, 64 lower-case hex digits.
       */
      sha256: string
    }
    /**
     * Contract
     * @description A contract.
     */
    Contract: {
      /** Contract Id */
      contract_id: string
      /**
       * State
       * @description draft, waiting, signing, releasing, completed, withdrawn, expired or held.
       * @example waiting
       */
      state: string
      /**
       * Business Type
       * @description 业务类型.
       */
      business_type: string
      /**
       * Title
       * @description 文档名称.
       */
      title: string
      /**
       * Document Number
       * @description 文档编号.
       * @example JDE-20200700004830
       */
      document_number: string
      /** @description 金额. */
      amount: components['schemas']['Money'] | null
      /**
       * Parties
       * @description In the order of signing.
       */
      parties: components['schemas']['Party'][]
      /**
       * Document Sha256
       * @description Of the document as it stands now.
       */
      document_sha256: string
      /** Page Count */
      page_count: number
      /** Pages */
      pages: components['schemas']['PageSize'][]
      /**
       * Suggested Places
       * @description Where the person whose turn it is, or will be first, is asked to sign, in the order of reading. The first person may sign anywhere else too.
       */
      suggested_places: components['schemas']['Placement'][]
      /**
       * Created At
       * Format: date-time
       */
      created_at: string
      /**
       * Updated At
       * Format: date-time
       * @description 处理时间.
       */
      updated_at: string
      /** Expires At */
      expires_at: string | null
      /** Completed At */
      completed_at: string | null
      /**
       * Waiting For
       * @description The outside service it waits for, a stable code.
       */
      waiting_for: string | null
      /**
       * Download State
       * @description not_yet, available, open or used.
       * @example available
       */
      download_state: string
      /**
       * Evidence Number
       * @description 统一证据编号.
       */
      evidence_number: string | null
    }
    /**
     * ContractListName
     * @description Which list.
     * @enum {string}
     */
    ContractListName: 'pending' | 'signed'
    /**
     * ContractPage
     * @description A page of a list: 共 `total` 条.
     */
    ContractPage: {
      /** Items */
      items: components['schemas']['Contract'][]
      /**
       * Page
       * @description 1-based.
       */
      page: number
      /** Size */
      size: number
      /** Total */
      total: number
    }
    /**
     * EnterpriseTicket
     * @description The code was right: 请选择公司.
     */
    EnterpriseTicket: {
      /**
       * Ticket
       * @description Good once, and for a few minutes.
       */
      ticket: string
      /**
       * Expires At
       * Format: date-time
       */
      expires_at: string
      /**
       * Companies
       * @description Those for which this phone is a signer; at least one.
       */
      companies: components['schemas']['Organisation'][]
    }
    /**
     * Evidence
     * @description 存证信息 of a contract.
     */
    Evidence: {
      /** Contract Id */
      contract_id: string
      /**
       * State
       * @description queued, submitted or confirmed.
       * @example confirmed
       */
      state: string
      /**
       * Evidence Number
       * @description 统一证据编号; null until submitted.
       */
      evidence_number: string | null
      /**
       * Text Hash
       * @description 存证文本HASH: SHA-256, base64.
       */
      text_hash: string | null
      /**
       * Verification Url
       * @description 核验地址.
       */
      verification_url: string
      /** Block Hash */
      block_hash: string | null
      /** Block Height */
      block_height: number | null
      /** Anchored At */
      anchored_at: string | null
      /**
       * Package Ready
       * @description Whether the package can be fetched.
       */
      package_ready: boolean
    }
    /**
     * EvidenceCheck
     * @description The answer of 查询核验.
     */
    EvidenceCheck: {
      /**
       * Passed
       * @description 核验通过: all three hold.
       */
      passed: boolean
      /**
       * Matches
       * @description 比对结果一致.
       */
      matches: boolean
      /**
       * Anchored
       * @description 电子证据已在司法区块链存证.
       */
      anchored: boolean
      /**
       * Package Intact
       * @description 电子数据包完整性校验通过，数据未被篡改.
       */
      package_intact: boolean
      /** Block Hash */
      block_hash: string | null
      /** Block Height */
      block_height: number | null
      /**
       * Anchored At
       * @description 存证时间.
       */
      anchored_at: string | null
      /**
       * Evidence Type
       * @description 存证类型: 文件 or 文本.
       */
      evidence_type: string
      /**
       * Problems
       * @description Stable codes of what does not hold.
       */
      problems: string[]
    }
    /**
     * FaceAction
     * @description What the person is asked to do before the camera; left and right as the person sees them.
     * @enum {string}
     */
    FaceAction: 'look' | 'blink' | 'turn_left' | 'turn_right' | 'open_mouth' | 'unknown'
    /**
     * FaceChallenge
     * @description One challenge of our own channel.
     */
    FaceChallenge: {
      /**
       * Nonce
       * @description Single use; goes back with the frames.
       */
      nonce: string
      action: components['schemas']['FaceAction']
      /**
       * Step
       * @description 1-based.
       */
      step: number
      /** Steps */
      steps: number
      /**
       * Answer By
       * Format: date-time
       * @description The frames must arrive within this time.
       */
      answer_by: string
      /** Min Frames */
      min_frames: number
      /** Max Frames */
      max_frames: number
    }
    /**
     * FaceChannel
     * @description Who checks the face: 腾讯云, 数字认证, or this platform against the portrait enrolled before (与留存照一致).
     * @enum {string}
     */
    FaceChannel: 'tencent' | 'bjca' | 'own'
    /**
     * FaceChannelList
     * @description The channels of a face check, in the order in which they are offered.
     */
    FaceChannelList: {
      /** Items */
      items: components['schemas']['FaceChannelOption'][]
    }
    /**
     * FaceChannelOption
     * @description A channel, and whether it can be used now.
     */
    FaceChannelOption: {
      channel: components['schemas']['FaceChannel']
      /** Available */
      available: boolean
      /**
       * Reason
       * @description Why not, a stable code.
       * @example NO_PORTRAIT
       */
      reason: string | null
    }
    /**
     * FaceCheck
     * @description Where the person goes with the phone.
     */
    FaceCheck: {
      /** Face Check Id */
      face_check_id: string
      /**
       * Url
       * @description A page of this site, for the QR code, or to go to at once on a phone. Good for one device.
       */
      url: string
      /**
       * Expires At
       * Format: date-time
       */
      expires_at: string
    }
    /**
     * FaceCheckRequest
     * @description Opens a face check.
     */
    FaceCheckRequest: {
      channel: components['schemas']['FaceChannel']
      /**
       * Consent Version
       * @description The version of the biometric-information statement accepted.
       */
      consent_version: string
      /**
       * Consent Sha256
       * @description SHA-256 of the text that was shown, hex.
       * @default
       */
      consent_sha256: string
    }
    /**
     * FaceCheckState
     * @description Where a face check stands: `open` waits for the phone, `scanned` means that the phone is there.
     * @enum {string}
     */
    FaceCheckState: 'open' | 'scanned' | 'passed' | 'failed' | 'expired' | 'unknown'
    /**
     * FaceCheckStatus
     * @description The face check in hand, or the last one.
     */
    FaceCheckStatus: {
      /** Face Check Id */
      face_check_id: string
      channel: components['schemas']['FaceChannel']
      state: components['schemas']['FaceCheckState']
      /**
       * Reason
       * @description Why it failed, a stable code.
       */
      reason: string | null
      /**
       * Expires At
       * Format: date-time
       */
      expires_at: string
    }
    /**
     * FaceRelay
     * @description A face check as the phone sees it. The proof that it is the same phone stays in a cookie.
     */
    FaceRelay: {
      /** Face Check Id */
      face_check_id: string
      /** Verification Id */
      verification_id: string
      channel: components['schemas']['FaceChannel']
      state: components['schemas']['FaceCheckState']
      /** Masked Name */
      masked_name: string
      /** Masked Id Number */
      masked_id_number: string
      /**
       * Expires At
       * Format: date-time
       */
      expires_at: string
      /**
       * Vendor Url
       * @description A vendor's channel: where the phone goes next.
       */
      vendor_url: string | null
      /** @description Our own channel: what is to be done now; null when it is decided. */
      challenge: components['schemas']['FaceChallenge'] | null
      /**
       * Reason
       * @description Why it failed, a stable code.
       */
      reason: string | null
      /** Attempts Left */
      attempts_left: number
    }
    /**
     * LoginCodeRequest
     * @description Who wants to log in. The captcha is needed once `CAPTCHA_REQUIRED` was answered.
     */
    LoginCodeRequest: {
      /**
       * Phone
       * @description Mainland mobile number.
       * @example 13800005678
       */
      phone: string
      /**
       * Captcha Id
       * @default
       */
      captcha_id: string
      /**
       * Captcha Answer
       * @default
       */
      captcha_answer: string
    }
    /**
     * LoginRequest
     * @description A login with a code.
     */
    LoginRequest: {
      /**
       * Phone
       * @description Mainland mobile number.
       * @example 13800005678
       */
      phone: string
      /**
       * Code
       * @description The code from the SMS.
       * @example 123456
       */
      code: string
    }
    /**
     * Money
     * @description An amount of money.
     */
    Money: {
      /**
       * Currency
       * @example CNY
       */
      currency: string
      /**
       * Amount
       * @description Decimal, never floating point.
       * @example 12800.00
       */
      amount: string
    }
    /**
     * Organisation
     * @description A company as screens show it.
     */
    Organisation: {
      /** Organisation Id */
      organisation_id: string
      /** Name */
      name: string
      /**
       * Unified Social Credit Code
       * @description 统一社会信用代码.
       */
      unified_social_credit_code: string
    }
    /**
     * PageSize
     * @description What is seen of a page, in thousandths of a unit of its user space, as placements are.
     */
    PageSize: {
      /** Width */
      width: number
      /** Height */
      height: number
      /**
       * Rotation
       * @description 0, 90, 180 or 270 degrees clockwise.
       */
      rotation: number
      /**
       * Left
       * @description Where what is seen starts in user space.
       */
      left: number
      /** Bottom */
      bottom: number
      /**
       * Unit
       * @description How long a unit is, in thousandths of a point; 1000 of most pages.
       */
      unit: number
    }
    /**
     * Party
     * @description A party of a contract.
     */
    Party: {
      /** Party Id */
      party_id: string
      /**
       * Kind
       * @enum {string}
       */
      kind: 'person' | 'organisation'
      /**
       * Person Id
       * @description Null for an organisation.
       */
      person_id: string | null
      /**
       * Name
       * @description 签署方.
       */
      name: string
      /**
       * State
       * @description queued, waiting, signing or signed.
       * @example waiting
       */
      state: string
      /** Signed At */
      signed_at: string | null
      /**
       * Refusal Reason
       * @description Why the last attempt was refused, a stable code.
       */
      refusal_reason: string | null
      /** @description Where the party is asked to sign. */
      placement: components['schemas']['Placement'] | null
    }
    /**
     * Person
     * @description A person as screens show them.
     */
    Person: {
      /** Person Id */
      person_id: string
      /**
       * Name
       * @description 盖章人.
       */
      name: string
      /**
       * Masked Phone
       * @example 138****5678
       */
      masked_phone: string
      /**
       * Masked Id Number
       * @example 110***********1234
       */
      masked_id_number: string
    }
    /**
     * Placement
     * @description A rectangle on a page.
     */
    Placement: {
      /** Page */
      page: number
      /** X1 */
      x1: number
      /** Y1 */
      y1: number
      /** X2 */
      x2: number
      /** Y2 */
      y2: number
    }
    /**
     * Receipt
     * @description What arrived.
     */
    Receipt: {
      /**
       * Sha256
       * @description Hex, of the file as it was received.
       */
      sha256: string
    }
    /**
     * Revocation
     * @description What is known of a certificate's revocation at the time that counts.
     */
    Revocation: {
      /**
       * Source
       * @description OCSP, CRL, or empty for a root, which has none.
       */
      source: string
      /** Produced At */
      produced_at: string | null
      /** Next Update */
      next_update: string | null
      /** Revoked At */
      revoked_at: string | null
      /**
       * Online
       * @description Fetched now, not brought by the file.
       */
      online: boolean
    }
    /**
     * Seal
     * @description A seal, or a handwritten signature.
     */
    Seal: {
      /** Seal Id */
      seal_id: string
      /**
       * Kind
       * @description handwritten, name (个人名章), official (公章), contract (合同专用章) or legal_representative (法定代表人章).
       * @example handwritten
       */
      kind: string
      /**
       * State
       * @description pending, active, suspended or destroyed.
       * @example active
       */
      state: string
      /**
       * Sha256
       * @description SHA-256, 64 lower-case hex digits.
       */
      sha256: string
      /**
       * Width
       * @description Natural width in thousandths of a point.
       */
      width: number
      /** Height */
      height: number
      /**
       * Width Mm
       * @description The same in millimetres.
       * @example 40
       */
      width_mm: number
      /** Height Mm */
      height_mm: number
      /**
       * Name
       * @description The organisation whose name a seal shows; empty for others.
       */
      name: string
      /**
       * Image
       * @description Address of its picture. It never changes.
       */
      image: string
    }
    /**
     * SealList
     * @description Seals.
     */
    SealList: {
      /** Items */
      items: components['schemas']['Seal'][]
    }
    /**
     * Session
     * @description The session that the cookie stands for.
     */
    Session: {
      person: components['schemas']['Person']
      /** @description The company; null for an individual. */
      organisation: components['schemas']['Organisation'] | null
      /** @description 机构类型. */
      kind: components['schemas']['SessionKind']
      /**
       * Expires At
       * Format: date-time
       * @description When it ends at the latest.
       */
      expires_at: string
      /**
       * Terms Due
       * @description The terms in force (平台服务协议与个人信息保护政策) wait for the person to accept them.
       */
      terms_due: boolean
    }
    /**
     * SessionKind
     * @description 机构类型: 企业 or 个人.
     * @enum {string}
     */
    SessionKind: 'enterprise' | 'individual'
    /**
     * SessionList
     * @description The person's live sessions, the newest first.
     */
    SessionList: {
      /** Items */
      items: components['schemas']['SessionSummary'][]
    }
    /**
     * SessionSummary
     * @description One of the person's live sessions.
     */
    SessionSummary: {
      /** Session Id */
      session_id: string
      /**
       * Started At
       * Format: date-time
       */
      started_at: string
      /**
       * Seen At
       * Format: date-time
       */
      seen_at: string
      /**
       * Expires At
       * Format: date-time
       */
      expires_at: string
      /** User Agent */
      user_agent: string
      /**
       * Masked Address
       * @example 203.0.113.*
       */
      masked_address: string
      organisation: components['schemas']['Organisation'] | null
      /**
       * Current
       * @description Whether this request came with it.
       */
      current: boolean
    }
    /**
     * SessionsEnded
     * @description How many sessions ended.
     */
    SessionsEnded: {
      /**
       * Ended
       * @description 0 when there was none.
       */
      ended: number
    }
    /**
     * ShownSeal
     * @description What people see of a signature.
     */
    ShownSeal: {
      /** Page */
      page: number | null
      /**
       * Rect
       * @description x1, y1, x2, y2 in points.
       */
      rect: number[]
      /**
       * Of Organisation
       * @description By the certificate: an organisation's, or a person's.
       */
      of_organisation: boolean
      /**
       * Picture
       * @description PNG in base64: how the page shows it.
       */
      picture: string | null
    }
    /**
     * SignatureReport
     * @description What was found about one signature.
     */
    SignatureReport: {
      /** Field Name */
      field_name: string
      /**
       * Verdict
       * @description In one plain sentence.
       */
      verdict: string
      /** Signer */
      signer: string
      /** Organisation */
      organisation: string | null
      /** Unified Social Credit Code */
      unified_social_credit_code: string | null
      /** Issuer */
      issuer: string
      /** Serial Number */
      serial_number: string
      /** Certificate Sha256 */
      certificate_sha256: string
      /** Signed At */
      signed_at: string | null
      /**
       * Time Source
       * @description timestamp (RFC 3161) or claimed.
       */
      time_source: string
      /** Timestamp Authority */
      timestamp_authority: string | null
      /** Reason */
      reason: string | null
      /**
       * Level
       * @description PAdES level: B-B, B-T, B-LT or B-LTA.
       */
      level: string
      /** Algorithm */
      algorithm: string
      /** Intact */
      intact: boolean
      /** Valid */
      valid: boolean
      /** Trusted */
      trusted: boolean
      /** Covers Whole File */
      covers_whole_file: boolean
      /**
       * Covers Revision
       * @description All of the file as it was when it was signed.
       */
      covers_revision: boolean
      /** Certifies */
      certifies: boolean
      /** Revision */
      revision: number
      /**
       * Changes Afterwards
       * @description none, allowed or forbidden.
       */
      changes_afterwards: string
      /** Changes */
      changes: components['schemas']['Change'][]
      seal: components['schemas']['ShownSeal'] | null
      /**
       * Chain
       * @description From the signer's to the root.
       */
      chain: components['schemas']['ChainCertificate'][]
      /** Timestamp Chain */
      timestamp_chain: components['schemas']['ChainCertificate'][]
      /**
       * Problems
       * @description Stable codes; empty when all is well.
       */
      problems: string[]
      /**
       * Problem Texts
       * @description `problems` in plain words, in their order.
       */
      problem_texts: string[]
    }
    /**
     * SignatureRequest
     * @description 结束签章 → 是: the person's decision.
     */
    SignatureRequest: {
      /** Verification Id */
      verification_id: string
      /**
       * Document Sha256
       * @description SHA-256 of the document that the person saw, hex.
       */
      document_sha256: string
      /** Seal Id */
      seal_id: string
      placement: components['schemas']['Placement']
    }
    /**
     * SupportContact
     * @description Whom people may call.
     */
    SupportContact: {
      /**
       * Name
       * @example SOHO中国客服
       */
      name: string
      /**
       * Phone
       * @example 010-00000000
       */
      phone: string
    }
    /**
     * SupportContacts
     * @description The support phones.
     */
    SupportContacts: {
      /** Items */
      items: components['schemas']['SupportContact'][]
    }
    /**
     * ValidationReport
     * @description The report on a signed PDF.
     */
    ValidationReport: {
      /**
       * Verdict
       * @description On the whole file: passed, failed or not_signed.
       * @example passed
       */
      verdict: string
      /**
       * Summary
       * @description The verdict in one plain sentence.
       */
      summary: string
      /**
       * Sha256
       * @description SHA-256, 64 lower-case hex digits.
       */
      sha256: string
      /** Size */
      size: number
      /** Validated At */
      validated_at: string | null
      /**
       * Archived At
       * @description Of the last document timestamp that holds.
       */
      archived_at: string | null
      /** Validators */
      validators: string[]
      /** Signatures */
      signatures: components['schemas']['SignatureReport'][]
      /**
       * Problems
       * @description Stable codes; empty when all is well.
       */
      problems: string[]
      /**
       * Problem Texts
       * @description `problems` in plain words, in their order.
       */
      problem_texts: string[]
    }
    /**
     * Verification
     * @description A person's verification for one contract and one exact document: 身份信息 → 人脸识别 → 核验完成.
     */
    Verification: {
      /** Verification Id */
      verification_id: string
      state: components['schemas']['VerificationState']
      /** Contract Id */
      contract_id: string
      /**
       * Document Sha256
       * @description SHA-256, 64 lower-case hex digits.
       */
      document_sha256: string
      /**
       * Expires At
       * Format: date-time
       */
      expires_at: string
      person: components['schemas']['Person']
      /** Attempts Left */
      attempts_left: number
      /** @description Null before the first face check. */
      face: components['schemas']['FaceCheckStatus'] | null
    }
    /**
     * VerificationState
     * @description Where a verification stands: SMS, then face, then good for one signature.
     * @enum {string}
     */
    VerificationState: 'sms_pending' | 'face_pending' | 'passed' | 'consumed' | 'failed' | 'expired' | 'unknown'
    /**
     * FieldProblem
     * @description One wrong field of a request.
     */
    FieldProblem: {
      /**
       * Field
       * @description Where it is, dotted.
       * @example body.code
       */
      field: string
      /**
       * Code
       * @description What is wrong with it, a stable code.
       * @example missing
       */
      code: string
    }
    /**
     * Problem
     * @description Problem details (RFC 9457). `code` is stable; `title` is for people. Facts such as `retry_after_seconds` stand beside.
     */
    Problem: {
      /**
       * Type
       * @example urn:esign:error:contract-not-found
       */
      type: string
      /**
       * Title
       * @description Chinese, or English when Accept-Language prefers it.
       * @example 合同不存在
       */
      title: string
      /**
       * Status
       * @example 404
       */
      status: number
      /**
       * Code
       * @example CONTRACT_NOT_FOUND
       */
      code: string
      /**
       * Trace Id
       * @description 参考编号: quote it to support.
       */
      trace_id: string
      /**
       * Fields
       * @description The wrong fields of the request.
       * @default []
       */
      fields: components['schemas']['FieldProblem'][]
    } & {
      [key: string]: unknown
    }
  }
  responses: never
  parameters: never
  requestBodies: never
  headers: never
  pathItems: never
}
export type $defs = Record<string, never>
export interface operations {
  create_captcha_v1_captchas_post: {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description Successful Response */
      201: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['Captcha']
        }
      }
      /** @description Cross-site, or not allowed. */
      403: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description Too often; `Retry-After` says when to try again. */
      429: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description A part that is needed does not answer now; try again later. */
      503: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  request_login_code_v1_login_codes_post: {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    requestBody: {
      content: {
        'application/json': components['schemas']['LoginCodeRequest']
      }
    }
    responses: {
      /** @description Successful Response */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['CodeSent']
        }
      }
      /** @description The request is not valid. */
      400: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description Cross-site, or not allowed. */
      403: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description Too often; `Retry-After` says when to try again. */
      429: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description A part that is needed does not answer now; try again later. */
      503: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  login_v1_login_post: {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    requestBody: {
      content: {
        'application/json': components['schemas']['LoginRequest']
      }
    }
    responses: {
      /** @description Successful Response */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['Session']
        }
      }
      /** @description The request is not valid. */
      400: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description Not signed in, or the session has ended. */
      401: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description Cross-site, or not allowed. */
      403: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description Too often; `Retry-After` says when to try again. */
      429: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description A part that is needed does not answer now; try again later. */
      503: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  start_enterprise_login_v1_login_enterprise_post: {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    requestBody: {
      content: {
        'application/json': components['schemas']['LoginRequest']
      }
    }
    responses: {
      /** @description Successful Response */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['EnterpriseTicket']
        }
      }
      /** @description The request is not valid. */
      400: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description Not signed in, or the session has ended. */
      401: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description Cross-site, or not allowed. */
      403: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description Too often; `Retry-After` says when to try again. */
      429: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description A part that is needed does not answer now; try again later. */
      503: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  finish_enterprise_login_v1_login_enterprise_company_post: {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    requestBody: {
      content: {
        'application/json': components['schemas']['CompanyChoice']
      }
    }
    responses: {
      /** @description Successful Response */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['Session']
        }
      }
      /** @description The request is not valid. */
      400: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description Not signed in, or the session has ended. */
      401: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description Cross-site, or not allowed. */
      403: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description Too often; `Retry-After` says when to try again. */
      429: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description A part that is needed does not answer now; try again later. */
      503: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  logout_v1_logout_post: {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description Successful Response */
      204: {
        headers: {
          [name: string]: unknown
        }
        content?: never
      }
      /** @description Cross-site, or not allowed. */
      403: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description Too often; `Retry-After` says when to try again. */
      429: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description A part that is needed does not answer now; try again later. */
      503: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  me_v1_me_get: {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description Successful Response */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['Session']
        }
      }
      /** @description Not signed in, or the session has ended. */
      401: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description A part that is needed does not answer now; try again later. */
      503: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  list_sessions_v1_sessions_get: {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description Successful Response */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['SessionList']
        }
      }
      /** @description Not signed in, or the session has ended. */
      401: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description A part that is needed does not answer now; try again later. */
      503: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  revoke_other_sessions_v1_sessions_delete: {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description Successful Response */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['SessionsEnded']
        }
      }
      /** @description Not signed in, or the session has ended. */
      401: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description Cross-site, or not allowed. */
      403: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description A part that is needed does not answer now; try again later. */
      503: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  revoke_session_v1_sessions__session_id__delete: {
    parameters: {
      query?: never
      header?: never
      path: {
        session_id: string
      }
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description Successful Response */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['SessionsEnded']
        }
      }
      /** @description The request is not valid. */
      400: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description Not signed in, or the session has ended. */
      401: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description Cross-site, or not allowed. */
      403: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description A part that is needed does not answer now; try again later. */
      503: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  export_personal_data_v1_me_export_get: {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description The data. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': Record<string, never>
        }
      }
      /** @description Not signed in, or the session has ended. */
      401: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description Too often; `Retry-After` says when to try again. */
      429: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description A part that is needed does not answer now; try again later. */
      503: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  accept_terms_v1_consents_terms_post: {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    requestBody: {
      content: {
        'application/json': components['schemas']['Acceptance']
      }
    }
    responses: {
      /** @description Successful Response */
      204: {
        headers: {
          [name: string]: unknown
        }
        content?: never
      }
      /** @description The request is not valid. */
      400: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description Not signed in, or the session has ended. */
      401: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description Cross-site, or not allowed. */
      403: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description A part that is needed does not answer now; try again later. */
      503: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  get_consent_text_v1_consents__kind__get: {
    parameters: {
      query?: never
      header?: never
      path: {
        kind: components['schemas']['ConsentKind']
      }
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description Successful Response */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['ConsentText']
        }
      }
      /** @description The request is not valid. */
      400: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description Too often; `Retry-After` says when to try again. */
      429: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description A part that is needed does not answer now; try again later. */
      503: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  list_contracts_v1_contracts_get: {
    parameters: {
      query: {
        /** @description 待签署文档 or 已签署文档. */
        list: components['schemas']['ContractListName']
        page?: number
        size?: number
      }
      header?: never
      path?: never
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description Successful Response */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['ContractPage']
        }
      }
      /** @description The request is not valid. */
      400: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description Not signed in, or the session has ended. */
      401: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description A part that is needed does not answer now; try again later. */
      503: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  get_contract_v1_contracts__contract_id__get: {
    parameters: {
      query?: never
      header?: never
      path: {
        contract_id: string
      }
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description Successful Response */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['Contract']
        }
      }
      /** @description Not signed in, or the session has ended. */
      401: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description It is not there, or not for you. */
      404: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description A part that is needed does not answer now; try again later. */
      503: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  get_page_v1_contracts__contract_id__pages__number__get: {
    parameters: {
      query?: {
        /** @description Pixels; the image is at least so wide. 200 is a thumbnail. */
        width?: number
      }
      header?: never
      path: {
        contract_id: string
        /** @description 1-based. */
        number: number
      }
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description The image. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'image/png': unknown
          'image/webp': unknown
          'image/jpeg': unknown
        }
      }
      /** @description The client's copy is still right. */
      304: {
        headers: {
          [name: string]: unknown
        }
        content?: never
      }
      /** @description The request is not valid. */
      400: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description Not signed in, or the session has ended. */
      401: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description It is not there, or not for you. */
      404: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description A part that is needed does not answer now; try again later. */
      503: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  download_v1_contracts__contract_id__downloads_post: {
    parameters: {
      query?: never
      header?: never
      path: {
        contract_id: string
      }
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description The file. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/pdf': unknown
        }
      }
      /** @description Not signed in, or the session has ended. */
      401: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description Cross-site, or not allowed. */
      403: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description It is not there, or not for you. */
      404: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description It does not go with the present state. */
      409: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description A part that is needed does not answer now; try again later. */
      503: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  confirm_receipt_v1_contracts__contract_id__downloads__download_id__receipt_post: {
    parameters: {
      query?: never
      header?: never
      path: {
        contract_id: string
        download_id: string
      }
      cookie?: never
    }
    requestBody: {
      content: {
        'application/json': components['schemas']['Receipt']
      }
    }
    responses: {
      /** @description Successful Response */
      204: {
        headers: {
          [name: string]: unknown
        }
        content?: never
      }
      /** @description The request is not valid. */
      400: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description Not signed in, or the session has ended. */
      401: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description Cross-site, or not allowed. */
      403: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description It is not there, or not for you. */
      404: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description A part that is needed does not answer now; try again later. */
      503: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  get_evidence_v1_contracts__contract_id__evidence_get: {
    parameters: {
      query?: never
      header?: never
      path: {
        contract_id: string
      }
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description Successful Response */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['Evidence']
        }
      }
      /** @description Not signed in, or the session has ended. */
      401: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description It is not there, or not for you. */
      404: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description It does not go with the present state. */
      409: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description A part that is needed does not answer now; try again later. */
      503: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  get_evidence_package_v1_contracts__contract_id__evidence_package_get: {
    parameters: {
      query?: never
      header?: never
      path: {
        contract_id: string
      }
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description The package. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/zip': unknown
        }
      }
      /** @description Not signed in, or the session has ended. */
      401: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description It is not there, or not for you. */
      404: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description It does not go with the present state. */
      409: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description A part that is needed does not answer now; try again later. */
      503: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  start_verification_v1_contracts__contract_id__verifications_post: {
    parameters: {
      query?: never
      header?: never
      path: {
        contract_id: string
      }
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description Successful Response */
      201: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['Verification']
        }
      }
      /** @description Not signed in, or the session has ended. */
      401: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description Cross-site, or not allowed. */
      403: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description It is not there, or not for you. */
      404: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description It does not go with the present state. */
      409: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description Too often; `Retry-After` says when to try again. */
      429: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description A part that is needed does not answer now; try again later. */
      503: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  get_verification_v1_verifications__verification_id__get: {
    parameters: {
      query?: never
      header?: never
      path: {
        verification_id: string
      }
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description Successful Response */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['Verification']
        }
      }
      /** @description Not signed in, or the session has ended. */
      401: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description It is not there, or not for you. */
      404: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description A part that is needed does not answer now; try again later. */
      503: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  send_verification_code_v1_verifications__verification_id__codes_post: {
    parameters: {
      query?: never
      header?: never
      path: {
        verification_id: string
      }
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description Successful Response */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['CodeSent']
        }
      }
      /** @description Not signed in, or the session has ended. */
      401: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description Cross-site, or not allowed. */
      403: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description It is not there, or not for you. */
      404: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description It does not go with the present state. */
      409: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description Too often; `Retry-After` says when to try again. */
      429: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description A part that is needed does not answer now; try again later. */
      503: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  confirm_verification_code_v1_verifications__verification_id__code_post: {
    parameters: {
      query?: never
      header?: never
      path: {
        verification_id: string
      }
      cookie?: never
    }
    requestBody: {
      content: {
        'application/json': components['schemas']['CodeConfirmation']
      }
    }
    responses: {
      /** @description Successful Response */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['Verification']
        }
      }
      /** @description The request is not valid. */
      400: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description Not signed in, or the session has ended. */
      401: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description Cross-site, or not allowed. */
      403: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description It is not there, or not for you. */
      404: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description It does not go with the present state. */
      409: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description Too often; `Retry-After` says when to try again. */
      429: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description A part that is needed does not answer now; try again later. */
      503: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  list_face_channels_v1_verifications__verification_id__face_channels_get: {
    parameters: {
      query?: never
      header?: never
      path: {
        verification_id: string
      }
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description Successful Response */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['FaceChannelList']
        }
      }
      /** @description The request is not valid. */
      400: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description Not signed in, or the session has ended. */
      401: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description It is not there, or not for you. */
      404: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description A part that is needed does not answer now; try again later. */
      503: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  watch_verification_v1_verifications__verification_id__events_get: {
    parameters: {
      query?: never
      header?: never
      path: {
        verification_id: string
      }
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description `event: verification` with a Verification as its data, now and after every change, until it is passed, failed, expired or consumed; a comment every 15 seconds. The stream ends by itself then, and after at most two minutes: unless it is decided, connect again. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'text/event-stream': string
        }
      }
      /** @description The request is not valid. */
      400: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description Not signed in, or the session has ended. */
      401: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description It is not there, or not for you. */
      404: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description Too often; `Retry-After` says when to try again. */
      429: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description A part that is needed does not answer now; try again later. */
      503: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  start_face_check_v1_verifications__verification_id__face_post: {
    parameters: {
      query?: never
      header?: never
      path: {
        verification_id: string
      }
      cookie?: never
    }
    requestBody: {
      content: {
        'application/json': components['schemas']['FaceCheckRequest']
      }
    }
    responses: {
      /** @description Successful Response */
      201: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['FaceCheck']
        }
      }
      /** @description The request is not valid. */
      400: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description Not signed in, or the session has ended. */
      401: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description Cross-site, or not allowed. */
      403: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description It is not there, or not for you. */
      404: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description It does not go with the present state. */
      409: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description Too often; `Retry-After` says when to try again. */
      429: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description A part that is needed does not answer now; try again later. */
      503: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  complete_face_check_v1_verifications__verification_id__face__face_check_id__result_post: {
    parameters: {
      query?: never
      header?: never
      path: {
        verification_id: string
        face_check_id: string
      }
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description Successful Response */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['Verification']
        }
      }
      /** @description Not signed in, or the session has ended. */
      401: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description Cross-site, or not allowed. */
      403: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description It is not there, or not for you. */
      404: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description It does not go with the present state. */
      409: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description Too often; `Retry-After` says when to try again. */
      429: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description A part that is needed does not answer now; try again later. */
      503: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  confirm_signing_v1_contracts__contract_id__signatures_post: {
    parameters: {
      query?: never
      header?: never
      path: {
        contract_id: string
      }
      cookie?: never
    }
    requestBody: {
      content: {
        'application/json': components['schemas']['SignatureRequest']
      }
    }
    responses: {
      /** @description Successful Response */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['Contract']
        }
      }
      /** @description The request is not valid. */
      400: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description Not signed in, or the session has ended. */
      401: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description Cross-site, or not allowed. */
      403: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description It is not there, or not for you. */
      404: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description It does not go with the present state. */
      409: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description A part that is needed does not answer now; try again later. */
      503: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  create_handwritten_signature_v1_seals_handwritten_post: {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    requestBody: {
      content: {
        'image/png': string
      }
    }
    responses: {
      /** @description Successful Response */
      201: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['Seal']
        }
      }
      /** @description The request is not valid. */
      400: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description Not signed in, or the session has ended. */
      401: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description Cross-site, or not allowed. */
      403: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description The body is too large. */
      413: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description A part that is needed does not answer now; try again later. */
      503: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  create_name_seal_v1_seals_name_post: {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description Successful Response */
      201: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['Seal']
        }
      }
      /** @description The request is not valid. */
      400: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description Not signed in, or the session has ended. */
      401: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description Cross-site, or not allowed. */
      403: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description A part that is needed does not answer now; try again later. */
      503: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  list_seals_v1_seals_get: {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description Successful Response */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['SealList']
        }
      }
      /** @description Not signed in, or the session has ended. */
      401: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description A part that is needed does not answer now; try again later. */
      503: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  get_seal_image_v1_seals__seal_id__image_get: {
    parameters: {
      query?: never
      header?: never
      path: {
        seal_id: string
      }
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description The picture. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'image/png': unknown
          'image/svg+xml': unknown
        }
      }
      /** @description The client's copy is still right. */
      304: {
        headers: {
          [name: string]: unknown
        }
        content?: never
      }
      /** @description The request is not valid. */
      400: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description Not signed in, or the session has ended. */
      401: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description It is not there, or not for you. */
      404: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description A part that is needed does not answer now; try again later. */
      503: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  open_face_relay_v1_face_relays__token__open_post: {
    parameters: {
      query?: never
      header?: never
      path: {
        /** @description The last part of the QR code's address. */
        token: string
      }
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description Successful Response */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['FaceRelay']
        }
      }
      /** @description The request is not valid. */
      400: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description Cross-site, or not allowed. */
      403: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description It is not there, or not for you. */
      404: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description It does not go with the present state. */
      409: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description Too often; `Retry-After` says when to try again. */
      429: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description A part that is needed does not answer now; try again later. */
      503: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  submit_face_frames_v1_face_relays__token__frames_post: {
    parameters: {
      query?: never
      header?: never
      path: {
        /** @description The last part of the QR code's address. */
        token: string
      }
      cookie?: never
    }
    requestBody: {
      content: {
        'multipart/form-data': {
          /** @description The challenge's. */
          nonce: string
          /** @description One per frame: milliseconds since the challenge was shown, by the phone's clock. */
          at_ms: number[]
          /** @description JPEG, in the order taken; each at most 640 pixels wide and 100 kB. */
          frames: string[]
        }
      }
    }
    responses: {
      /** @description Successful Response */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['FaceRelay']
        }
      }
      /** @description The request is not valid. */
      400: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description Cross-site, or not allowed. */
      403: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description It is not there, or not for you. */
      404: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description It does not go with the present state. */
      409: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description The body is too large. */
      413: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description Too often; `Retry-After` says when to try again. */
      429: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description A part that is needed does not answer now; try again later. */
      503: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  finish_face_relay_v1_face_relays__token__result_post: {
    parameters: {
      query?: never
      header?: never
      path: {
        /** @description The last part of the QR code's address. */
        token: string
      }
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description Successful Response */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['FaceRelay']
        }
      }
      /** @description The request is not valid. */
      400: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description Cross-site, or not allowed. */
      403: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description It is not there, or not for you. */
      404: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description It does not go with the present state. */
      409: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description Too often; `Retry-After` says when to try again. */
      429: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description A part that is needed does not answer now; try again later. */
      503: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  sign_on_from_procurement_sso_procurement_post: {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    requestBody: {
      content: {
        'application/x-www-form-urlencoded': components['schemas']['Body_sign_on_from_procurement_sso_procurement_post']
      }
    }
    responses: {
      /** @description Successful Response */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'text/html': string
        }
      }
      /** @description The request is not valid. */
      400: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'text/html': string
        }
      }
      /** @description Not signed in, or the session has ended. */
      401: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'text/html': string
        }
      }
      /** @description Cross-site, or not allowed. */
      403: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'text/html': string
        }
      }
      /** @description The body is too large. */
      413: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'text/html': string
        }
      }
      /** @description Too often; `Retry-After` says when to try again. */
      429: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'text/html': string
        }
      }
      /** @description A part that is needed does not answer now; try again later. */
      503: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'text/html': string
        }
      }
    }
  }
  validate_document_v1_public_validations_post: {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    requestBody: {
      content: {
        'application/pdf': string
        'multipart/form-data': {
          /** Format: binary */
          file: string
        }
      }
    }
    responses: {
      /** @description Successful Response */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['ValidationReport']
        }
      }
      /** @description The request is not valid. */
      400: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description Cross-site, or not allowed. */
      403: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description The body is too large. */
      413: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description Too often; `Retry-After` says when to try again. */
      429: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description A part that is needed does not answer now; try again later. */
      503: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  print_validation_report_v1_public_validations_reports_post: {
    parameters: {
      query?: {
        /** @description The file's name, as the report shows it. */
        name?: string
      }
      header?: never
      path?: never
      cookie?: never
    }
    requestBody: {
      content: {
        'application/pdf': string
        'multipart/form-data': {
          /** Format: binary */
          file: string
        }
      }
    }
    responses: {
      /** @description The report, PDF. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/pdf': unknown
        }
      }
      /** @description The request is not valid. */
      400: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description Cross-site, or not allowed. */
      403: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description The body is too large. */
      413: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description Too often; `Retry-After` says when to try again. */
      429: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description A part that is needed does not answer now; try again later. */
      503: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  check_evidence_v1_public_evidence__number__checks_post: {
    parameters: {
      query?: never
      header?: never
      path: {
        /** @description 统一证据编号: 64 hex digits. */
        number: string
      }
      cookie?: never
    }
    requestBody: {
      content: {
        'application/json': {
          /**
           * Text Hash
           * @description 存证文本HASH, base64.
           */
          text_hash: string
        }
        'application/pdf': string
        'multipart/form-data': {
          /** Format: binary */
          file: string
        }
      }
    }
    responses: {
      /** @description Successful Response */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['EvidenceCheck']
        }
      }
      /** @description The request is not valid. */
      400: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description Cross-site, or not allowed. */
      403: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description It is not there, or not for you. */
      404: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description The body is too large. */
      413: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description Too often; `Retry-After` says when to try again. */
      429: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description A part that is needed does not answer now; try again later. */
      503: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  get_support_v1_public_support_get: {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description Successful Response */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['SupportContacts']
        }
      }
      /** @description Too often; `Retry-After` says when to try again. */
      429: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  get_trust_roots_v1_public_trust_roots_get: {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description PEM. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'text/plain': string
          'application/pem-certificate-chain': unknown
        }
      }
      /** @description Too often; `Retry-After` says when to try again. */
      429: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description A part that is needed does not answer now; try again later. */
      503: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  get_checkpoint_v1_public_log_checkpoint_get: {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description Successful Response */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'text/plain': string
        }
      }
      /** @description It is not there, or not for you. */
      404: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description Too often; `Retry-After` says when to try again. */
      429: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description A part that is needed does not answer now; try again later. */
      503: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  get_tile_v1_public_log_tile__path__get: {
    parameters: {
      query?: never
      header?: never
      path: {
        path: string
      }
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description Hashes. */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/octet-stream': unknown
        }
      }
      /** @description The request is not valid. */
      400: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description It is not there, or not for you. */
      404: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description Too often; `Retry-After` says when to try again. */
      429: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description A part that is needed does not answer now; try again later. */
      503: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
}
