Feature: A file of a spreadsheet tells the directory of a region at once
  A region begins with hundreds of establishments and thousands of professionals. Their lists come as a spreadsheet
  writes them. What is right is stored, what is not comes back with its line, its column and the reason.

  Rule: E1 to E5, each row of a list of establishments enrolls one

    Scenario: A list as Excel in France writes it
      Given a list in Windows-1252 of sites with the columns "Code", "Raison sociale", "N° FINESS", "Titres AE"
      And a row "CHB", "CH de la Côte", "330000001", "CHB_PACS, CHB_CT"
      And a row "CHP", "Clinique du Parc", "", ""
      When the list is imported
      Then 2 sites are enrolled
      And what CHB_CT sends comes from CHB

    Scenario: A FINESS number that lost its zero comes back, and is corrected
      Given a list in UTF-8 of sites with the columns "Code", "Nom", "FINESS"
      And a row "CHB", "CH de la Côte", "10000024"
      When the list is imported
      Then row 2 comes back for its column "FINESS", because "has not 9 characters"
      When the rows that came back are imported with "010000024" for "10000024"
      Then 1 site is enrolled

    Scenario: Two establishments cannot have one AE title, and a check says so
      Given a list in UTF-8 of sites with the columns "Code", "Nom", "Titre AE"
      And a row "CHB", "CH de la Côte", "PACS"
      And a row "CHP", "Clinique du Parc", "PACS"
      When the list is checked
      Then row 3 comes back for its column "Titre AE", because "the AE title PACS"
      And 1 site would be enrolled
      And the ledger is empty

  Rule: P1 to P3, each row of a list of professionals registers one

    Scenario: A professional works for two establishments
      Given the sites CHB and CHP are enrolled
      And a list in UTF-8 of professionals with the columns "RPPS", "Nom", "Profession", "Établissements"
      And a row "10101201233", "Dr Essai", "radiologist", "CHB, CHP"
      When the list is imported
      Then 1 professional is registered
      And 10101201233 works for CHB and CHP

    Scenario: A number of which a digit was mistyped comes back, for its check digit does not fit
      Given a list in UTF-8 of professionals with the columns "RPPS", "Nom", "Profession"
      And a row "10101201633", "Dr Essai", "radiologist"
      And a row "10101205671", "Dr Ailleurs", "radiologist"
      When the list is imported
      Then 1 professional is registered
      And row 2 comes back for its column "RPPS", because "check digit"

    Scenario: The list is sent again
      Given a list in UTF-8 of professionals with the columns "RPPS", "Nom", "Profession"
      And a row "10101201233", "Dr Essai", "radiologist"
      And the list is imported
      When the list is imported
      Then 0 professionals are registered
