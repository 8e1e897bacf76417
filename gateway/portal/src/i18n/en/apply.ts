export default {
  apply: {
    title: 'Apply for a certificate',
    lead: 'A company needs an organisation certificate before it can seal. Its key is kept in the cloud, never on your device; it is valid for one year.',
    state: 'Certificate',
    stateNone: 'None yet',
    stateIndividual: 'Not needed',
    individual:
      'You are signed in as an individual. Individuals need no organisation certificate: an SMS code and a face check prove who you are while signing.',
    individualLink: 'Documents to sign',
    opened:
      'Applications open by invitation from SOHO China. Once you have its SMS and e-mail, sign in here with the same mobile number. Until then you can prepare what is listed below.',
    who: 'Who can apply',
    whoList: [
      'Companies registered in mainland China, with a unified social credit code',
      'The company’s signer in person: a mainland resident whose mobile number is registered in their own name',
      'Suppliers come straight from the procurement platform (去签章平台申请电子签章), without an invitation',
    ],
    whoNot: 'Companies registered abroad, and companies whose signer is not a mainland resident, please',
    whoNotLink: 'use the paper process',
    data: 'What you will be asked',
    dataList: [
      'Company name, unified social credit code, department, company phone',
      'The legal representative’s name, mobile number, kind and number of ID document',
      'The signer’s name, resident ID number, registered mobile number and e-mail',
      'Invoice title, taxpayer number and other invoice data',
    ],
    files: 'What you will upload',
    filesHint: 'Images: gif, jpg, png or jpeg, at most 1.5 MB each.',
    filesList: [
      'Business licence (a copy carries the company seal)',
      'The signer’s ID card, side with the portrait',
      'The signer’s ID card, side with the emblem',
      'The legal representative’s letter of authorisation, original, with the company’s official seal; a legal representative’s seal or another seal is not accepted',
    ],
    proof: 'Three ways to prove the company, choose one',
    proofs: {
      bank: {
        title: 'Payment to the company’s bank account',
        text: 'The CA pays 0.01 yuan to the company’s account; the authorisation code is in the payment’s remark. Normally immediate, at most 48 hours.',
      },
      phone: {
        title: 'The legal representative’s mobile',
        text: 'The authorisation code comes by SMS to the mobile registered in the legal representative’s name.',
      },
      card: {
        title: 'The legal representative’s bank card',
        text: 'The representative’s own bank card; the code comes by SMS to the mobile tied to that card.',
      },
    },
    steps: 'Steps',
    stepsList: [
      'Invitation, sign in',
      'Fill in the application',
      'Enter the authorisation code',
      'Upload the material and confirm',
      'Review',
      'Certificate issued',
    ],
    review:
      'What is submitted before 16:00 is reviewed the same day, later the next day; at the outside 3 to 5 working days. You are told by SMS and e-mail; after a rejection you supply the corrected material only.',
    support: 'Support',
    records: 'Your applications',
  },
  applications: {
    title: 'Applications',
    empty: 'No applications yet',
    emptyText: 'Once an application is submitted, its progress and the certificate’s dates appear here.',
    individual: 'Individuals need no organisation certificate, so there are no applications.',
    prepare: 'What is needed to apply',
  },
  paper: {
    title: 'The paper process',
    lead: 'Online signing is not possible for the following; please use the paper process:',
    who: [
      'individuals without a mainland China resident ID',
      'companies registered abroad',
      'companies whose signer is not a mainland citizen',
    ],
    how: 'How it works',
    steps: [
      'Tell your contact at SOHO China that you need a contract on paper',
      'Once you have it, an authorised person signs; a company adds its official seal',
      'Send or bring all originals to the address that your contact names',
      'SOHO China seals them and returns your original',
    ],
    note: 'A contract on paper has the same legal effect as one signed online. One contract takes one of the two ways.',
    support: 'Support',
  },
  support: {
    title: 'Support',
    none: 'Please ask your contact at SOHO China.',
  },
}
